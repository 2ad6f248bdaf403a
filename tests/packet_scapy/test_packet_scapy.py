# SPDX-License-Identifier: Apache-2.0
"""Segments, trains, fragments, ICMP and ARP judged by scapy, which shares no code with us.

Scapy builds what goes in. What comes out must dissect, and `rebuilt()` must give the same bytes: scapy then computed
every length and checksum itself. Where scapy can do the same (fragmenting, reassembling) its result is compared.
"""
import os
import random
import socket
import struct
import subprocess

import pytest
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, TCP, UDP, ICMPerror, IPerror, TCPerror, UDPerror, defragment, fragment
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw, raw

PROGRAM = os.environ["FARSPAN_PACKET_EXCHANGE"]
RANDOM = random.Random(791)
ROUTER = "10.1.0.253"
ENDS = {"src": "10.1.0.5", "dst": "10.2.0.9"}


def number(address):
    return struct.unpack("!I", socket.inet_aton(address))[0]


def exchange(lines):
    done = subprocess.run([PROGRAM], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    assert len(answers) == len(lines)
    return answers


def ask(*words):
    return exchange([" ".join(raw(word).hex() if hasattr(word, "fields") else str(word) for word in words)])[0]


def packets_of(answer):
    return [IP(bytes.fromhex(text)) for text in answer.split()]


def rebuilt(packet):
    """The same packet with every length and checksum computed by scapy; of a fragment, those of IP."""
    copy = packet.__class__(raw(packet))
    if packet.frag or packet.flags.MF:
        data = raw(packet)[copy.ihl * 4:]
        del copy.len, copy.chksum
        copy.remove_payload()
        return raw(copy / Raw(data))
    layer = copy
    while layer:
        for field in ("len", "chksum"):
            if field in layer.fields and not isinstance(layer, (IPerror, TCPerror, UDPerror, ICMPerror)):
                delattr(layer, field)
        layer = layer.payload
    return raw(copy)


def payload(size):
    return bytes(RANDOM.randrange(256) for _ in range(size))


OPTIONS = [[], [("NOP", None), ("NOP", None), ("Timestamp", (11, 22))]]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("size, mss", [(1, 1460), (1460, 1460), (1461, 1460), (5000, 999), (48000, 1400), (300, 49)])
def test_tcp_segments_are_what_a_sender_would_send(size, mss, options):
    data = payload(size)
    train = IP(id=65530, flags="DF", tos=2, **ENDS) / TCP(
        sport=1, dport=2, seq=2**32 - 700, ack=7, flags="APFC", window=99, options=options) / Raw(data)
    segments = packets_of(ask("segment", mss, train))
    assert len(segments) == -(-size // mss)
    assert b"".join(bytes(segment[TCP].payload) for segment in segments) == data
    for i, segment in enumerate(segments):
        assert raw(segment) == rebuilt(segment)
        assert segment.id == (65530 + i) % 2**16
        assert segment.seq == (2**32 - 700 + i * mss) % 2**32
        assert ("C" in segment[TCP].flags) == (i == 0)
        assert ("F" in segment[TCP].flags) == ("P" in segment[TCP].flags) == (i == len(segments) - 1)
        assert segment[TCP].options == train[TCP].options


@pytest.mark.parametrize("size, mss", [(1201, 1200), (48000, 1200), (100, 3)])
def test_udp_datagrams_are_what_a_sender_would_send(size, mss):
    data = payload(size)
    train = IP(id=5, **ENDS) / UDP(sport=1, dport=2) / Raw(data)
    datagrams = packets_of(ask("segment", mss, train))
    assert b"".join(bytes(datagram[UDP].payload) for datagram in datagrams) == data
    for datagram in datagrams:
        assert raw(datagram) == rebuilt(datagram)
        assert datagram[UDP].len == 8 + len(datagram[UDP].payload)


def test_trains_have_valid_headers_and_say_so_to_the_device():
    datas = [payload(1000), payload(1000), payload(17)]
    segments = [IP(id=9 + i, flags="DF", **ENDS) /
                TCP(sport=1, dport=2, seq=100 + 1000 * i, ack=3, flags="AP" if i == 2 else "A") / Raw(data)
                for i, data in enumerate(datas)]
    virtio, train = ask("coalesce", *segments).split(":")
    flags, gso, header, size, start, offset = struct.unpack("<BBHHHH", bytes.fromhex(virtio))
    assert (flags, gso, header, size, start, offset) == (1, 1, 40, 1000, 20, 16)
    train = bytearray.fromhex(train)
    # what a device does for NEEDS_CSUM: sum from `start` to the end, over the pseudo-header sum in the field
    total = sum(struct.unpack("!%dH" % ((len(train) - start + 1) // 2), bytes(train[start:]) + b"\0" * (len(train) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    train[start + offset:start + offset + 2] = struct.pack("!H", ~total & 0xffff)
    whole = IP(bytes(train))
    assert raw(whole) == rebuilt(whole)
    assert bytes(whole[TCP].payload) == b"".join(datas)


@pytest.mark.parametrize("size, mtu", [(3000, 1500), (3000, 576), (1473, 1500), (500, 68), (60000, 1400), (100, 1500)])
def test_fragments_are_those_of_scapy_and_scapy_joins_them(size, mtu):
    packet = IP(raw(IP(id=321, **ENDS) / UDP(sport=1, dport=2) / Raw(payload(size))))
    ours = packets_of(ask("fragment", mtu, packet))
    theirs = fragment(packet, fragsize=(mtu - 20) // 8 * 8)
    if len(packet) <= mtu:
        assert [raw(part) for part in ours] == [raw(packet)]
        return
    for part in ours:
        assert raw(part) == rebuilt(part)
        assert len(part) <= mtu
    if (mtu - 20) % 8 == 0:  # else our last one may be up to 7 bytes longer than scapy's
        assert [raw(part) for part in ours] == [rebuilt(IP(raw(part))) for part in theirs]
    joined = [IP(raw(whole)) for whole in defragment(ours)]
    assert [rebuilt(whole) for whole in joined] == [raw(packet)]


def test_we_join_what_scapy_fragments():
    for size in (600, 3000, 40000):
        packet = IP(raw(IP(id=7, **ENDS) / UDP(sport=1, dport=2) / Raw(payload(size))))
        parts = [IP(rebuilt(IP(raw(part)))) for part in fragment(packet, fragsize=504)]
        RANDOM.shuffle(parts)
        assert bytes.fromhex(ask("reassemble", *parts)) == raw(packet)
        assert ask("reassemble", *parts[1:]) == "none"


KINDS = [(0, 3, 0), (1, 3, 1), (2, 3, 2), (3, 3, 3), (4, 3, 4), (5, 11, 0)]


@pytest.mark.parametrize("kind, icmp_type, code", KINDS)
@pytest.mark.parametrize("size", [0, 1, 100, 520, 521, 1400])
def test_icmp_errors_quote_the_packet(kind, icmp_type, code, size):
    about = IP(raw(IP(id=1, ttl=1, **ENDS) / UDP(sport=1, dport=2) / Raw(payload(size))))
    error = IP(bytes.fromhex(ask("error", kind, number(ROUTER), 1400 if kind == 4 else 0, about)))
    assert (error.src, error.dst, error[ICMP].type, error[ICMP].code) == (ROUTER, "10.1.0.5", icmp_type, code)
    assert len(error) == min(576, 28 + len(about)) == error.len
    assert bytes(error[ICMP].payload) == raw(about)[:548]
    assert raw(error) == rebuilt(error)
    assert error[IPerror].ttl == 1
    assert error[UDPerror].dport == 2
    if kind == 4:
        assert error[ICMP].nexthopmtu == 1400


def test_errors_about_a_train_quote_its_first_segment():
    train = IP(id=1, flags="DF", **ENDS) / TCP(sport=1, dport=2, seq=5, flags="AP") / Raw(payload(4000))
    error = IP(bytes.fromhex(ask("error_train", 400, 4, number(ROUTER), 300, train)))
    first = packets_of(ask("segment", 400, train))[0]
    assert raw(error) == rebuilt(error)
    assert bytes(error[ICMP].payload) == raw(first) == rebuilt(first)


def test_no_errors_about_errors_and_later_fragments():
    assert ask("error", 5, number(ROUTER), 0, IP(**ENDS) / ICMP(type=3) / IP(**ENDS) / UDP()) == "none"
    assert ask("error", 5, number(ROUTER), 0, IP(frag=3, **ENDS) / Raw(b"x" * 16)) == "none"


@pytest.mark.parametrize("size", [0, 1, 56, 1472])
def test_echo_replies(size):
    request = IP(id=4, ttl=7, **ENDS) / ICMP(type=8, id=77, seq=3) / Raw(payload(size))
    reply = IP(bytes.fromhex(ask("echo", request)))
    assert raw(reply) == rebuilt(reply)
    assert (reply.src, reply.dst, reply.ttl) == (ENDS["dst"], ENDS["src"], 64)
    assert (reply[ICMP].type, reply[ICMP].id, reply[ICMP].seq) == (0, 77, 3)
    assert bytes(reply[ICMP].payload) == bytes(request[ICMP].payload)


@pytest.mark.parametrize("options", [[("MSS", 1460)], [("NOP", None), ("MSS", 1460), ("NOP", None), ("WScale", 7)],
                                     [("NOP", None), ("NOP", None), ("MSS", 1460), ("SAckOK", b"")]])
def test_clamped_syns(options):
    syn = IP(**ENDS) / TCP(flags="S", options=options)
    clamped = IP(bytes.fromhex(ask("clamp", 1360, syn)))
    assert raw(clamped) == rebuilt(clamped)
    assert dict(clamped[TCP].options)["MSS"] == 1360
    assert ask("clamp", 1460, syn) == raw(syn).hex()


def test_ttl_and_ecn_keep_the_header_checksum():
    for ttl in (2, 64, 255):
        packet = IP(bytes.fromhex(ask("hop", IP(ttl=ttl, **ENDS) / UDP())))
        assert packet.ttl == ttl - 1
        assert raw(packet) == rebuilt(packet)
    packet = IP(bytes.fromhex(ask("ecn", 3, IP(tos=0xb8 | 2, **ENDS) / UDP())))
    assert packet.tos == 0xb8 | 3
    assert raw(packet) == rebuilt(packet)
    assert ask("ecn", 3, IP(tos=0xb8, **ENDS) / UDP()) == "drop ecn_invalid"


def test_arp_replies():
    request = Ether(src="02:fb:00:00:00:05", dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc="02:fb:00:00:00:05", psrc=ENDS["src"], pdst="10.1.0.99")
    reply = Ether(bytes.fromhex(ask("arp", number(ENDS["src"]), request)))
    assert (reply.src, reply.dst) == ("02:fa:00:00:00:01", "02:fb:00:00:00:05")
    assert (reply[ARP].op, reply[ARP].hwsrc, reply[ARP].psrc) == (2, "02:fa:00:00:00:01", "10.1.0.99")
    assert (reply[ARP].hwdst, reply[ARP].pdst) == ("02:fb:00:00:00:05", ENDS["src"])
    request[ARP].pdst = ENDS["src"]
    assert ask("arp", number(ENDS["src"]), request) == "none"


def test_labels():
    packet = IP(raw(IP(**ENDS) / UDP()))
    labelled = MPLS(bytes.fromhex(ask("label", 70001, packet)))
    assert (labelled.label, labelled.s, labelled.ttl, labelled.cos) == (70001, 1, 64, 0)
    assert raw(labelled.payload) == raw(packet)
