"""Every suite that can be declared, against the Linux kernel's ESP: declared, exported, loaded, and packets of each size both ways."""

import dataclasses
import re
import shlex

import pytest
import yaml

from conftest import apply, drops, farspan, for_one_module, tunnels, wait_for
from kernel_peer import KernelPeer
from test_linux_kernel import APP, APP_NETNS, KERNEL_PEER, NODE

OFFICE, PUBLIC, INSIDE = "gcm", "198.51.100.50", "10.40.1.10"


@dataclasses.dataclass(frozen=True)
class Suite:
    encryption: str
    integrity: str
    cipher: str  # as `ip xfrm state` names it
    key_bytes: int
    hash: str = None  # with the bits of its ICV
    ike: dict = None

    def ipsec(self, **more):
        return {"encryption": self.encryption, "integrity": self.integrity, "pfs_group": "group19", **more}

    def is_in(self, state):
        """Whether every SA of the kernel is of this suite, and there are some."""
        sas = state.count("proto esp")
        ciphers = re.findall(rf"(?:enc|aead) {re.escape(self.cipher)} 0x([0-9a-f]+)", state)
        hashes = re.findall(r"auth-trunc (hmac\(\w+\)) 0x[0-9a-f]+ (\d+)", state)
        return (sas > 0 and [len(key) // 2 for key in ciphers] == [self.key_bytes] * sas
                and (not self.hash or [" ".join(found) for found in hashes] == [self.hash] * sas))


GCM, CHACHA, CBC = "rfc4106(gcm(aes))", "rfc7539esp(chacha20,poly1305)", "cbc(aes)"
TRIPLE_DES, DES = "cbc(des3_ede)", "cbc(des)"
MD5, SHA1, SHA256 = "hmac(md5) 96", "hmac(sha1) 96", "hmac(sha256) 128"
SHA384, SHA512 = "hmac(sha384) 192", "hmac(sha512) 256"
OLD_IKE = {"version": "ikev1", "encryption": "3des", "integrity": "md5", "dh_group": "group2"}
SUITES = [
    Suite("aes128gcm", "sha256", GCM, 20),
    Suite("aes192gcm", "sha256", GCM, 28),
    Suite("aes256gcm", "sha256", GCM, 36),
    Suite("chacha20poly1305", "sha256", CHACHA, 36),
    Suite("aes", "sha1", CBC, 16, SHA1),
    Suite("aes192", "sha256", CBC, 24, SHA256),
    Suite("aes256", "sha384", CBC, 32, SHA384),
    Suite("aes256", "sha512", CBC, 32, SHA512),
    Suite("aes", "md5", CBC, 16, MD5),
    Suite("3des", "sha1", TRIPLE_DES, 24, SHA1, OLD_IKE),
    Suite("3des", "md5", TRIPLE_DES, 24, MD5, OLD_IKE),
    Suite("des", "sha1", DES, 8, SHA1, OLD_IKE),
    Suite("des", "md5", DES, 8, MD5, OLD_IKE),
]
each_suite = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: f"{suite.encryption}-{suite.integrity}")


@pytest.fixture(scope="module")
def lab():
    yield from for_one_module(KERNEL_PEER, "--empty")


@pytest.fixture(scope="module")
def peer(lab):
    peer = KernelPeer(lab.directory, {OFFICE: (PUBLIC, INSIDE)})
    try:
        peer.start_router(OFFICE)
        apply("network.yaml", KERNEL_PEER)
        yield peer
    finally:
        peer.close()


def declare(peer, ipsec, ike=None):
    """Another connection, on both ends; the office hangs up, and calls with the new one."""
    documents = yaml.safe_load_all((KERNEL_PEER / "network.yaml").read_text())
    connection = next(each for each in documents if each["kind"] == "IpsecConnection" and each["name"] == OFFICE)
    connection["spec"] |= {"ipsec": ipsec, "ike": ike or {}}
    farspan("apply", "-f", "-", stdin=yaml.safe_dump(connection))
    peer.try_sh(f"SWANCTL_DIR=/run/{OFFICE}/swanctl STRONGSWAN_CONF=/run/{OFFICE}/strongswan.conf "
                f"swanctl --terminate --ike {OFFICE} --force --timeout 3 --uri unix:///run/{OFFICE}/charon.vici")
    peer.load(OFFICE, farspan("export", "ipsec-connection", OFFICE, "--format", "swanctl"))


def five_pings(size, to, *options):
    """Each has five seconds, for ping itself waits for no more than twice the time the answers before took."""
    ping = " ".join(["ping -n -q -M dont -c 1 -W 5", "-s", str(size), *options, to])
    return ["sh", "-c", f"for n in 1 2 3 4 5; do {ping}; done | grep -c ' 1 received'"]


def pass_both_ways(lab, peer):
    for size in (56, 57, 63, 1400, 9000):
        assert peer.at(OFFICE, shlex.join(five_pings(size, APP, "-I", INSIDE))).strip() == "5", size
        assert lab.run(APP_NETNS, *five_pings(size, INSIDE)).stdout.strip() == "5", size


def is_up_with(peer, suite):
    row = next(row for (_, name), row in tunnels().items() if name == OFFICE)
    return row["child_state"] == "ipsec_sa_established" and suite.is_in(peer.at(OFFICE, "ip xfrm state"))


@each_suite
def test_the_kernel_opens_what_we_seal_and_we_what_it_seals(lab, peer, suite):
    declare(peer, suite.ipsec(), suite.ike)
    wait_for(f"SAs of {suite.encryption} and {suite.integrity}", lambda: is_up_with(peer, suite), seconds=60)
    pass_both_ways(lab, peer)


@pytest.mark.parametrize("window", [64, 4096])
def test_replay_windows_of_every_size_are_negotiated_with_nobody(lab, peer, window):
    """How large a window is concerns the receiver alone: the other end is told nothing, and everything passes."""
    suite = Suite("aes256gcm", "sha256", GCM, 36)
    declare(peer, suite.ipsec(replay_window=window))
    wait_for(f"a tunnel with a window of {window}", lambda: is_up_with(peer, suite), seconds=60)
    pass_both_ways(lab, peer)


def test_neither_end_refused_a_packet(peer):
    refused = drops(NODE)
    for reason in ("malformed_esp", "bad_icv", "bad_padding", "bad_next_header", "outside_selectors", "replayed", "replay_too_old"):
        assert refused.get(reason, 0) == 0, refused
    errors = dict(line.split() for line in peer.at(OFFICE, "cat /proc/net/xfrm_stat").splitlines() if line.strip())
    for counter in ("XfrmInStateProtoError", "XfrmInStateSeqError", "XfrmInBufferError", "XfrmInHdrError"):
        assert errors[counter] == "0", errors
