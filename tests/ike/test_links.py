# SPDX-License-Identifier: Apache-2.0
"""Two nodes prove themselves to each other by certificates of one CA, and come back whoever of them was away."""
import contextlib
import datetime
import signal
import time

import lab
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from lab import NODE, OFFICE, wait_for


def name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def identity_of(node, revision=1):
    return f"r{revision}.{node}.node.farspan"


def certificate(subject, key, issuer, issuer_key, is_ca, revision=1):
    start = datetime.datetime.utcnow() - datetime.timedelta(minutes=5)
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(start + datetime.timedelta(days=1))
               .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True))
    if not is_ca:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(identity_of(subject, revision))]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


class Authority:
    def __init__(self, directory, subject="farspan"):
        self.dir, self.subject, self.key = directory, subject, ec.generate_private_key(ec.SECP256R1())
        self.certificate = certificate(subject, self.key, subject, self.key, True)

    def enrol(self, node, subject, encoding=serialization.Encoding.PEM, revision=1):
        key = ec.generate_private_key(ec.SECP256R1())
        own = certificate(subject, key, self.subject, self.key, False, revision)
        files = [self.dir / f"{subject}-{part}" for part in ("cert", "key", "ca")]
        files[0].write_bytes(own.public_bytes(encoding))
        files[1].write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        files[2].write_bytes(self.certificate.public_bytes(encoding))
        node.tell(f"credentials {subject} " + " ".join(map(str, files)))


@pytest.fixture
def nodes(network, tmp_path, request):
    with contextlib.ExitStack() as started:
        east = lab.Node(tmp_path / "east")
        started.callback(east.end)
        west = lab.Node(tmp_path / "west", "ike-office", OFFICE)
        started.callback(west.end)
        for node in (east, west):
            wait_for(lambda: (node.ask_dataplane() or {}).get("connected"), what="charon connects to the data plane")
        yield east, west
    if getattr(request.node, "report_call", None) and request.node.report_call.failed:
        print("==== east\n" + east.log()[-6000:] + "\n==== west\n" + west.log()[-6000:])


EAST_LINK, WEST_LINK = 0x80000002, 0x80000001  # at east to node 2, at west to node 1


def want(node, tunnel, peer, local, remote, west_revision=1):
    ids = {NODE: identity_of("east"), OFFICE: identity_of("west", west_revision)}
    node.want(tunnel, kind="link", peer=peer, local=local, remote=remote, local_id=ids[local], remote_id=ids[remote], ike="aes256gcm16-prfsha384-ecp384", esp="aes256gcm16-ecp384-esn",
              remote_ts="0.0.0.0/0")
    assert node.apply() == []


def want_both(east, west):
    want(west, WEST_LINK, "east", OFFICE, NODE)
    want(east, EAST_LINK, "west", NODE, OFFICE)


def link_both(east, west, directory):
    """Enrols both with one authority, which it answers, and waits until the link between them is up at both."""
    authority = Authority(directory)
    authority.enrol(east, "east")
    authority.enrol(west, "west")
    want_both(east, west)
    wait_for(lambda: east.is_up(EAST_LINK) and west.is_up(WEST_LINK))
    return authority


@pytest.mark.parametrize("encoding", [serialization.Encoding.PEM, serialization.Encoding.DER], ids=["pem", "der"])
def test_comes_up_once_and_in_udp(nodes, tmp_path, encoding):
    east, west = nodes
    authority = Authority(tmp_path)
    authority.enrol(east, "east", encoding)
    authority.enrol(west, "west", encoding)
    want_both(east, west)
    for node, tunnel in ((east, EAST_LINK), (west, WEST_LINK)):
        status = wait_for(lambda: node.is_up(tunnel), what="link comes up")
        assert status["esp_algorithms"] == "AES-GCM-16-256/ESN" and status["nat"] == "0"
        state = node.ask_dataplane()
        assert len(state["sas"]) == 2 and all(sa["encapsulated"] and sa["esn"] and sa["tunnel"] == tunnel for sa in state["sas"])


@pytest.mark.parametrize("away", ["east", "west"])
def test_comes_back_when_either_node_restarts(nodes, tmp_path, away):
    east, west = nodes
    link_both(east, west, tmp_path)
    node = east if away == "east" else west
    node.charon.end(signal.SIGKILL)
    node.start_charon()
    wait_for(lambda: node.is_up(EAST_LINK if away == "east" else WEST_LINK), 60, "link comes up again")
    wait_for(lambda: east.is_up(EAST_LINK) and west.is_up(WEST_LINK))


def sends_on(node):
    """The SPI of the outbound policy that decides: the newest."""
    return [policy["spi"] for policy in node.ask_dataplane()["policies"] if policy["direction"] == 1][-1]


def takes(node):
    return {sa["spi"] for sa in node.ask_dataplane()["sas"] if sa["inbound"]}


def test_colliding_rekeys_leave_both_ends_on_sas_the_other_takes(nodes, tmp_path):
    east, west = nodes
    link_both(east, west, tmp_path)
    first = sends_on(east), sends_on(west)
    for what in ("child", "ike") * 5:
        east.tell(f"rekey {EAST_LINK} {what}")
        west.tell(f"rekey {WEST_LINK} {what}")
        wait_for(lambda: east.is_up(EAST_LINK) and west.is_up(WEST_LINK), 20, "still up")
        wait_for(lambda: sends_on(east) in takes(west) and sends_on(west) in takes(east), 20, "what one sends the other takes")
    assert sends_on(east) != first[0] and sends_on(west) != first[1]
    # What lost a collision goes when its peer deletes it, at the latest with its lifetime: charon may keep a Child SA whose
    # rekey met the rekey of its IKE SA (RFC 7296 §2.8.2), unused. No SA stays that belongs to no Child SA of charon's.
    for node, link in ((east, EAST_LINK), (west, WEST_LINK)):
        wait_for(lambda: len(node.ask_dataplane()["sas"]) <= 2 * len(node.status(link)["children"]), 40, "no SA without its Child SA")
    assert east.ask_dataplane()["errors"] == west.ask_dataplane()["errors"] == []


def test_refuses_a_node_of_another_ca(nodes, tmp_path):
    east, west = nodes
    Authority(tmp_path).enrol(east, "east")
    (tmp_path / "stranger").mkdir()
    Authority(tmp_path / "stranger").enrol(west, "west")
    want_both(east, west)
    wait_for(lambda: "certificate" in west.cause(WEST_LINK) or west.cause(WEST_LINK) == "authentication_failed", 20)
    assert not east.is_up(EAST_LINK) and not west.is_up(WEST_LINK)


def test_refuses_a_node_whose_certificate_was_revoked(nodes, tmp_path):
    east, west = nodes
    authority = link_both(east, west, tmp_path)
    # East is told, the machine in the west is not: it is lost, or would rather not hear of it.
    want(east, EAST_LINK, "west", NODE, OFFICE, west_revision=2)
    wait_for(lambda: east.ask_dataplane()["sas"] == [], 20, "the SAs with it end at once")
    before = west.log().count("AUTHENTICATION_FAILED") + east.log().count("AUTHENTICATION_FAILED")
    west.tell(f"restart {WEST_LINK}")
    wait_for(lambda: west.log().count("AUTHENTICATION_FAILED") + east.log().count("AUTHENTICATION_FAILED") > before, 30, "it is refused")
    # It knows its new name, from an old backup of a neighbour say, and claims it with the old certificate.
    want(west, WEST_LINK, "east", OFFICE, NODE, west_revision=2)
    wait_for(lambda: west.cause(WEST_LINK) not in ("", "none", None), 30, "a cause is named")
    assert not east.is_up(EAST_LINK) and not west.is_up(WEST_LINK) and east.ask_dataplane()["sas"] == []
    authority.enrol(west, "west", revision=2)
    assert west.apply() == []
    wait_for(lambda: east.is_up(EAST_LINK) and west.is_up(WEST_LINK), 60, "its new certificate is taken")


def test_a_revoked_node_that_is_silent_is_sent_nothing_more(nodes, tmp_path):
    east, west = nodes
    link_both(east, west, tmp_path)
    west.charon.child.send_signal(signal.SIGSTOP)
    try:
        want(east, EAST_LINK, "west", NODE, OFFICE, west_revision=2)
        # the retransmissions of a DELETE would take 8 s (packaging/strongswan.conf.in, quicker here)
        wait_for(lambda: east.ask_dataplane()["sas"] == [], 3, "its SAs go without its answer")
    finally:
        west.charon.child.send_signal(signal.SIGCONT)
    wait_for(lambda: west.ask_dataplane()["sas"] == [], 20, "the DELETE that was sent once is enough")


def test_link_without_credentials_is_named(nodes):
    east, _ = nodes
    east.want(EAST_LINK, kind="link", peer="west", local=NODE, remote=OFFICE)
    assert east.apply() == [f"error {EAST_LINK} Link to west: this node has no certificate yet; enrol the node with its token"]
    assert east.cause(EAST_LINK) == "configuration_refused"
