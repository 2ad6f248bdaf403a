# SPDX-License-Identifier: Apache-2.0
"""The real farspan-dataplane with a peer that shares no code with it: scapy takes the packets apart, OpenSSL has the cipher.

   client 10.1.0.5 ──TAP── node 192.0.2.1 ══ESP in UDP══ 192.0.2.2 the peer: this file
"""

import os
import pathlib
import socket
import struct
import time

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.ipsec import ESP
from scapy.layers.l2 import Ether
from scapy.packet import Raw, raw

from lab_node import LINK_BIT, InNamespace, Lab, Node, add_route, mac_of, mac_text, open_group, run

BINARY = os.environ.get("FARSPAN_DATAPLANE", "farspan-dataplane")
pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not pathlib.Path("/dev/net/tun").exists(),
                                reason="needs root and /dev/net/tun")

NODE, PEER, CLIENT, FAR = "192.0.2.1", "192.0.2.2", "10.1.0.5", "10.2.0.5"
SPI_IN, SPI_OUT, LABEL = 0x1001, 0x2001, 17
LINK, OFFICE = LINK_BIT | 1, 1
IPV4, MPLS_IN_IP = 4, 137
ETH_P_ALL, OWN_TTL, LABEL_TTL = 3, 64, 64
WRAP = 1 << 32


def capture(namespace, device):
    with InNamespace(namespace):
        packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        packets.bind((device, 0))
    return packets


def next_packet(packets, wanted, seconds=5):
    """The next packet that came in and for which wanted() answers something: that answer."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        packets.settimeout(left)
        try:
            frame, (_, _, kind, _, _) = packets.recvfrom(65535)
        except TimeoutError:
            break
        if kind != socket.PACKET_OUTGOING and (found := wanted(Ether(frame))) is not None:
            return found
    raise AssertionError("no such packet came")


class Judge:
    """The peer of one tunnel with AES-256-GCM-16 (RFC 4106)."""

    def __init__(self, lab, tunnel, has_esn=False):
        self.has_esn, self.keys = has_esn, {spi: os.urandom(36) for spi in (SPI_IN, SPI_OUT)}
        node, self.client, peer = lab.namespace("node"), lab.namespace("client"), lab.namespace("peer")
        lab.veth(node, "wan", f"{NODE}/24", peer, "wan", f"{PEER}/24")
        run("ethtool", "-K", "wan", "tx-udp-segmentation", "off", namespace=node)  # so that the wire shows single packets
        self.wire = capture(peer, "wan")
        with InNamespace(peer):
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind((PEER, 4500))
        self.node = Node(lab, node)
        self.program(lab, tunnel)
        self.inside = capture(self.client, "eth0")

    def program(self, lab, tunnel):
        is_link = tunnel == LINK
        request = lab.v1[0].TablesRequest()
        batch = request.batch
        batch.is_snapshot, batch.generation = True, 1
        batch.vrfs.add(id=1, vpc="vpc-1", router="10.1.0.1", label=LABEL)
        open_group(batch)
        batch.tunnels.add(id=tunnel, is_link=is_link, vrf=0 if is_link else 1, remote=PEER,
                          labels=[LABEL] if is_link else [])
        port = batch.ports.add(id=1, vrf=1, address=CLIENT, gateway="10.1.0.1", subnet="10.1.0.0/24", mac=mac_of(1), has_fd=True, mtu=1500)
        port.security_groups.append(1)
        for table in (0, 1):
            add_route(batch, 1, f"{CLIENT}/32", table=table, port=1)
            add_route(batch, 1, "10.2.0.0/24", table=table, tunnel=(tunnel, LABEL if is_link else None))
        self.node.request(request, [self.node.make_tap(self.client, f"{CLIENT}/24", "10.1.0.1", mac_text(1))])
        for is_inbound, spi in ((True, SPI_IN), (False, SPI_OUT)):
            self.node.add_sa(is_inbound=is_inbound, local=NODE, remote=PEER, spi=spi, tunnel=tunnel, key=self.keys[spi], has_esn=self.has_esn)

    def covered(self, spi, sequence):
        return struct.pack(">IQ" if self.has_esn else ">II", spi, sequence)  # RFC 4106 §5

    def send(self, sequence, inner, next_header=IPV4, sealed_as=None):
        """`sealed_as`: the number the ICV covers, if not the one the packet claims."""
        key, iv = self.keys[SPI_IN], os.urandom(8)
        pad = -(len(inner) + 2) % 4
        text = inner + bytes(range(1, pad + 1)) + bytes([pad, next_header])
        sealed = AESGCM(key[:32]).encrypt(key[32:] + iv, text, self.covered(SPI_IN, sealed_as or sequence))
        self.udp.sendto(struct.pack(">II", SPI_IN, sequence % WRAP) + iv + sealed, (NODE, 4500))

    def opened(self, esp, high=0):
        """(next header, inner packet), or None when the ICV is of another number."""
        key, body = self.keys[SPI_OUT], raw(esp)[8:]
        try:
            text = AESGCM(key[:32]).decrypt(key[32:] + body[:8], body[8:], self.covered(SPI_OUT, high * WRAP + esp.seq))
        except InvalidTag:
            return None
        pad = text[-2]
        assert text[:-2].endswith(bytes(range(1, pad + 1)))
        return text[-1], text[:len(text) - 2 - pad]

    def next_esp(self):
        """(outer header, ESP packet) of the next packet of the tunnel."""
        def esp(frame):
            if IP not in frame or UDP not in frame or frame[UDP].dport != 4500 or frame[IP].src != NODE:
                return None
            return frame[IP], ESP(bytes(frame[UDP].payload))
        return next_packet(self.wire, esp)

    def ping(self, *options):
        run("ping", "-n", "-c", 1, "-W", 0.1, *options, FAR, namespace=self.client, check=False)


@pytest.fixture
def lab():
    lab = Lab("judged", BINARY)
    yield lab
    lab.close()


def labelled(ttl, inner):
    return raw(MPLS(label=LABEL, s=1, ttl=ttl)) + inner


def echo(number, ttl=64):
    return raw(IP(src=FAR, dst=CLIENT, ttl=ttl) / ICMP(type=8, id=7, seq=number) / Raw(b"judge"))


@pytest.mark.parametrize("ttl", [2, 37, 255])
def test_each_header_of_a_link_has_its_own_ttl(lab, ttl):
    """Pipe model (RFC 3443 §3.2): neither the label's nor the outer header's says how far the packet has come."""
    judge = Judge(lab, LINK)
    judge.ping("-t", ttl)
    outer, esp = judge.next_esp()
    assert outer.ttl == OWN_TTL and outer.flags.DF  # RFC 4301 §5.1.2.1: constructed
    next_header, packet = judge.opened(esp)
    assert next_header == MPLS_IN_IP
    label = MPLS(packet)
    assert (label.label, label.s, label.ttl) == (LABEL, 1, LABEL_TTL)
    assert IP(packet[4:]).ttl == ttl - 1, "one hop"
    assert IP(packet[4:]).src == CLIENT and IP(packet[4:]).dst == FAR


def test_what_a_link_brings_keeps_its_own_ttl_less_one(lab):
    judge = Judge(lab, LINK)
    cases = [(label_ttl, inner_ttl) for label_ttl in (1, 64, 255) for inner_ttl in (2, 9, 255)]
    for number, (label_ttl, inner_ttl) in enumerate(cases, start=1):
        judge.send(number, labelled(label_ttl, echo(number, inner_ttl)), MPLS_IN_IP)
        came = next_packet(judge.inside, lambda frame: frame[IP] if ICMP in frame and frame[ICMP].seq == number else None)
        assert came.ttl == inner_ttl - 1, (label_ttl, inner_ttl)
    judge.send(100, labelled(0, echo(100)), MPLS_IN_IP)  # its label has run out (RFC 3032 §2.4.1)
    judge.send(101, labelled(LABEL_TTL, echo(101, ttl=1)), MPLS_IN_IP)
    answer = None
    while not answer:  # echo replies come before the answer to the last one
        _, packet = judge.opened(judge.next_esp()[1])
        answer = IP(packet[4:]) if IP(packet[4:])[ICMP].type == 11 else None
    assert answer.dst == FAR and answer[ICMP].code == 0, "time exceeded in transit"
    counters = judge.node.counters()
    assert counters["drop.malformed_label"] == 1 and counters["drop.ttl_exceeded"] == 1, counters


def set_last_sent(judge, number):
    """What the outbound SA has used up, in the file that keeps it over restarts (dataplane/ipsec/sequence_arena.h)."""
    slots, size, header, number_at = 65536, 64, 64, 40
    with open(judge.node.run_dir / "sequences", "r+b") as arena:
        for at in range(header, header + slots * size, size):
            arena.seek(at)
            state, spi, is_inbound = struct.unpack("=III", arena.read(12))
            if state and spi == SPI_OUT and not is_inbound:
                arena.seek(at + number_at)
                arena.write(struct.pack("=Q", number))
                return
    raise AssertionError("no slot of the outbound SA")


def test_outbound_numbers_go_on_beyond_32_bits(lab):
    """RFC 4303 §2.2.1: the low half is sent, all of it is covered by the ICV."""
    judge = Judge(lab, OFFICE, has_esn=True)
    judge.ping()
    assert judge.next_esp()[1].seq == 1
    set_last_sent(judge, WRAP - 4)
    numbers = []
    for _ in range(7):
        judge.ping()
        _, esp = judge.next_esp()
        highs = [high for high in (0, 1, 2) if judge.opened(esp, high)]
        assert len(highs) == 1, "exactly one high half fits"
        numbers.append(highs[0] * WRAP + esp.seq)
        next_header, packet = judge.opened(esp, highs[0])
        assert next_header == IPV4 and IP(packet).dst == FAR
    assert numbers == list(range(WRAP - 3, WRAP + 4))


def test_without_esn_nothing_is_sent_beyond_32_bits(lab):
    judge = Judge(lab, OFFICE)
    set_last_sent(judge, WRAP - 2)
    judge.ping()
    assert judge.next_esp()[1].seq == WRAP - 1
    judge.ping()
    counters = judge.node.counters()
    assert counters["drop.sequence_exhausted"] == 1 and counters["packets.to_office"] == 1, counters


def test_inbound_numbers_go_on_beyond_32_bits(lab):
    """RFC 4303 appendix A2: the high half is inferred from the window, before and behind the wrap."""
    judge = Judge(lab, OFFICE, has_esn=True)

    def passes(sequence):
        ident = sequence % 65521
        judge.send(sequence, echo(ident))
        next_packet(judge.inside, lambda frame: True if ICMP in frame and frame[ICMP].type == 8 and frame[ICMP].seq == ident else None)

    for sequence in [1, 1500, WRAP - 700, WRAP - 2, WRAP - 1, WRAP, WRAP + 1, WRAP - 500, WRAP + 2, WRAP - 1021]:
        passes(sequence)
    judge.send(WRAP - 2, echo(1))                       # seen before the wrap
    judge.send(WRAP + 1, echo(1))                       # seen behind it
    judge.send(3, echo(1))                              # the low half of the first cycle: taken for the second, whose ICV it lacks
    judge.send(WRAP + 9, echo(1), sealed_as=9)
    passes(WRAP + 3)
    counters = judge.node.counters()
    assert counters["packets.from_office"] == 15, counters
    drops = {name: value for name, value in counters.items() if name.startswith("drop.")}
    drops.pop("drop.unsupported_ethertype", None)  # the client's own IPv6
    assert drops == {"drop.replayed": 2, "drop.bad_icv": 2}, counters
