"""Our ESP judged by the Linux kernel's: offices with stock strongSwan and kernel IPsec, native ESP and in UDP, with and without ESN."""

import dataclasses
import hashlib
import pathlib
import re

import pytest

from conftest import apply, drops, farspan, for_one_module, tunnel_is_up, tunnels, wait_for
from kernel_peer import KernelPeer

KERNEL_PEER = pathlib.Path(__file__).parent / "kernel-peer"
NODE, APP_NETNS, APP = "europe-node", "app-europe", "172.30.1.10"
REKEYS = 2  # from each end


@dataclasses.dataclass(frozen=True)
class Office:
    public: str
    inside: str
    protocol: str  # as `ip xfrm state` names what the kernel was told
    edit: tuple = None  # (what, by what) in the exported configuration; None: it is loaded as it is
    has_esn: bool = False
    in_udp: bool = False


GCM, CBC = "aead rfc4106(gcm(aes))", "auth-trunc hmac(sha256)"
WITH_ESN = (r"(esp_proposals = \S+)", r"\1-esn")
IN_UDP = (r"(mobike = no)", r"\1\n    encap = yes")
OFFICES = {
    "gcm": Office("198.51.100.50", "10.40.1.10", GCM),
    "gcm-esn": Office("198.51.100.51", "10.40.2.10", GCM, WITH_ESN, has_esn=True),
    "cbc": Office("198.51.100.52", "10.40.3.10", CBC),
    "cbc-esn": Office("198.51.100.53", "10.40.4.10", CBC, WITH_ESN, has_esn=True),
    "udp": Office("198.51.100.54", "10.40.5.10", GCM, IN_UDP, in_udp=True),
}
each_office = pytest.mark.parametrize("name", OFFICES)


@pytest.fixture(scope="module")
def lab():
    """One node without offices."""
    yield from for_one_module(KERNEL_PEER, "--empty")


@pytest.fixture(scope="module")
def peer(lab):
    """The offices' kernel, with every router started and configured."""
    peer = KernelPeer(lab.directory, {name: (office.public, office.inside) for name, office in OFFICES.items()})
    try:
        for name in OFFICES:
            peer.start_router(name)
        apply("network.yaml", KERNEL_PEER)
        for name in OFFICES:
            peer.load(name, exported(name))
        for name in OFFICES:
            wait_for(f"tunnel of {name} made once", lambda: is_made_once(lab, name), seconds=60)
        # When both ends start at the same moment, INITIAL_CONTACT may make the gateway drop without a word what the office
        # sends on (RFC 7296 §2.4): until it misses its peer.
        for name in OFFICES:
            wait_for(f"packets of {name} pass", lambda: passes(peer, name), seconds=200)
        yield peer
    finally:
        peer.close()


def exported(name):
    text = farspan("export", "ipsec-connection", name, "--format", "swanctl")
    if OFFICES[name].edit is None:
        return text
    edited, times = re.subn(*OFFICES[name].edit, text)
    assert times == 1, text
    return edited


def report(name):
    return next(row for (_, connection), row in tunnels().items() if connection == name)


def ping(to, *options):
    return " ".join(["ping", "-n", "-M", "dont", "-W", "2", *options, to])


def passes(peer, name):
    return peer.try_sh(f"ip netns exec {name} {ping(APP, '-q', '-I', OFFICES[name].inside, '-c', '1')}")[0] == 0


def from_office(peer, name, *options):
    return peer.at(name, ping(APP, "-q", "-I", OFFICES[name].inside, *options))


def kernel_packets(peer, name):
    """{SPI: packets} of the kernel's SAs of one office."""
    text = peer.at(name, "ip -s xfrm state")
    found = re.findall(r"spi 0x([0-9a-f]+)\(.*?lifetime current:\n\s+\d+\(bytes\), (\d+)\(packets\)", text, re.DOTALL)
    return {int(spi, 16): int(packets) for spi, packets in found}


@each_office
def test_the_tunnel_is_up_with_what_was_agreed(peer, name):
    office = OFFICES[name]
    wait_for(f"tunnel of {name}", lambda: tunnel_is_up(name), seconds=15)
    state = wait_for(f"SAs of {name} in its kernel", lambda: peer.at(name, "ip xfrm state"), seconds=5)
    assert office.protocol in state, state
    assert ("esn" in state) == office.has_esn, state
    assert ("encap type espinudp" in state) == office.in_udp, state


@each_office
@pytest.mark.parametrize("size", [56, 1400, 9000])
def test_echoes_of_every_size_pass_both_ways(lab, peer, name, size):
    options = ["-c", "10", "-i", "0.02", "-s", str(size)]
    assert " 10 received" in from_office(peer, name, *options)
    assert " 10 received" in lab.run(APP_NETNS, *ping(OFFICES[name].inside, *options).split()).stdout


@each_office
def test_a_download_from_the_application_arrives_whole(lab, peer, name):
    blob = hashlib.sha256(name.encode()).digest() * (1 << 16)  # 2 MiB
    page = lab.directory / APP_NETNS / "www/blob"
    page.write_bytes(blob)
    try:
        fetch = f"curl -s -m 30 --interface {OFFICES[name].inside} http://{APP}"
        assert peer.at(name, fetch + "/").strip() == APP_NETNS
        assert peer.sh(f"ip netns exec {name} {fetch}/blob | sha256sum").split()[0] == hashlib.sha256(blob).hexdigest()
    finally:
        page.unlink()


def gateway_sas(lab, name):
    """The gateway's IKE SAs of one office, each with its Child SAs, as swanctl lists them."""
    peer = re.escape(OFFICES[name].public)
    text = lab.node_swanctl(NODE, "--list-sas").stdout
    return [part for part in re.split(r"^(?=\S)", text, flags=re.MULTILINE) if re.search(rf"remote '{peer}'", part)]


def is_made_once(lab, name):
    """One IKE SA and one Child SA: when both ends start at the same moment, the agent ends the second IKE SA later."""
    sas = gateway_sas(lab, name)
    children = re.findall(r"^\s+\S+: #\d+, reqid \d+, (\w+),", "".join(sas), re.MULTILINE)
    return len(sas) == 1 and ", ESTABLISHED," in sas[0] and children == ["INSTALLED"]


def gateway_packets(lab, name):
    """{SPI: packets} of the gateway's SAs of one office."""
    found = re.findall(r"^\s+(?:in|out)\s+([0-9a-f]{8}).*?(\d+) packets", "".join(gateway_sas(lab, name)), re.MULTILINE)
    return {int(spi, 16): int(packets) for spi, packets in found}


@each_office
def test_both_ends_count_the_same_packets(lab, peer, name):
    """SPI by SPI, all that was sent since the tunnel came up: nothing was lost, refused or counted twice."""
    from_office(peer, name, "-c", "5", "-i", "0.02")
    # When both ends started at the same moment, one may be left on the office's end until its peer is missed; it idles.
    kernel = {spi: packets for spi, packets in kernel_packets(peer, name).items() if packets}
    gateway = {spi: packets for spi, packets in gateway_packets(lab, name).items() if packets}
    assert len(kernel) == 2 and min(kernel.values()) > 60
    assert gateway == kernel


def test_rekeys_by_either_end_lose_nothing(lab, peer):
    running = {name: peer.start_pings(name, ping(APP, "-I", office.inside, "-i", "0.01")) for name, office in OFFICES.items()}
    for name in list(OFFICES) * REKEYS:
        for rekey in (rekey_by_gateway, rekey_by_office):
            before = spis(name)
            rekey(lab, peer, name)
            wait_for(f"new Child SA of {name}", lambda: spis(name) - before, seconds=10)
    for echoes in running.values():
        assert echoes.stop() > 100


def spis(name):
    return {child["spi_in"] for child in report(name)["children"] if child["state"] == "INSTALLED"}


def rekey_by_gateway(lab, peer, name):
    child = max((child["unique_id"] for child in report(name)["children"]), key=int)
    done = lab.node_swanctl(NODE, "--rekey", "--child-id", child)
    assert done.returncode == 0, done.stdout + done.stderr


def rekey_by_office(lab, peer, name):
    peer.swanctl(name, "--rekey", "--child", name)


@each_office
def test_nothing_but_ike_and_esp_crossed_the_internet(peer, name):
    office = OFFICES[name]
    esp, in_udp = "ip proto 50", "udp port 4500 and udp[8:4] != 0"  # a non-ESP marker is zero: RFC 3948 §2.2
    ike = "udp port 500 or (udp port 4500 and udp[8:4] = 0)"
    carried, never = (in_udp, esp) if office.in_udp else (esp, in_udp)
    assert len(peer.seen(f"host {office.public} and ({carried})")) > 100  # a train of UDP is one here
    assert peer.seen(f"host {office.public} and ({never})") == []
    later_fragment = "ip[6:2] & 0x1fff != 0"
    assert peer.seen(f"ip and host {office.public} and not ({carried}) and not ({ike}) and not ({later_fragment})") == []


def test_neither_end_refused_a_packet(peer):
    refused = drops(NODE)
    for reason in ("malformed_esp", "unknown_spi", "replayed", "replay_too_old", "replay_zero", "bad_icv", "bad_padding",
                   "bad_next_header", "inner_policy", "outside_selectors", "sequence_exhausted", "sa_expired"):
        assert refused.get(reason, 0) == 0, refused
    for name in OFFICES:
        errors = dict(line.split() for line in peer.at(name, "cat /proc/net/xfrm_stat").splitlines() if line.strip())
        assert {key: count for key, count in errors.items() if key.startswith("XfrmIn") and count != "0"} == {}, name
