# SPDX-License-Identifier: Apache-2.0
"""Who has no connection gets no answer to IKE, and is counted; who has one is answered to the same bytes."""
import socket
import struct

import pytest
from lab import NODE, OFFICE, run, wait_for

STRANGER = "10.77.0.3"
INITIATOR_SPI = bytes(range(1, 9))
SA, KE, NONCE = 33, 34, 40
KINDS = {"ikev2": (500, b""), "ikev2-nat": (4500, bytes(4)), "ikev1": (500, b"")}  # port, non-ESP marker


def payload(following, body):
    return struct.pack("!BBH", following, 0, 4 + len(body)) + body


def ike_sa_init():
    """RFC 7296 §1.2, with an integrity algorithm nobody accepts here (HMAC-MD5-96): the answer is NO_PROPOSAL_CHOSEN."""
    transforms = [struct.pack("!BBHBBHHH", 3, 0, 12, 1, 0, 12, 0x800E, 256), struct.pack("!BBHBBH", 3, 0, 8, 2, 0, 1),
                  struct.pack("!BBHBBH", 3, 0, 8, 3, 0, 1), struct.pack("!BBHBBH", 0, 0, 8, 4, 0, 14)]
    proposal = struct.pack("!BBHBBBB", 0, 0, 8 + sum(map(len, transforms)), 1, 1, 0, len(transforms)) + b"".join(transforms)
    body = payload(KE, proposal) + payload(NONCE, struct.pack("!HH", 14, 0) + b"\x02" * 256) + payload(0, b"\x03" * 32)
    return INITIATOR_SPI + bytes(8) + struct.pack("!BBBBII", SA, 0x20, 34, 0x08, 0, 28 + len(body)) + body


def main_mode():
    """RFC 2409 §5, phase 1 with DES and MD5."""
    attributes = struct.pack("!8H", 0x8001, 1, 0x8002, 1, 0x8003, 1, 0x8004, 1)
    transform = struct.pack("!BBHBBH", 0, 0, 8 + len(attributes), 1, 1, 0) + attributes
    proposal = struct.pack("!BBHBBBB", 0, 0, 8 + len(transform), 1, 1, 0, 1) + transform
    body = payload(0, struct.pack("!II", 1, 1) + proposal)
    return INITIATOR_SPI + bytes(8) + struct.pack("!BBBBII", 1, 0x10, 2, 0, 0, 28 + len(body)) + body


class Caller:
    """A UDP socket of the office's network namespace."""

    def __init__(self, address):
        with open("/proc/self/ns/net") as own, open("/run/netns/ike-office") as other:
            set_namespace(other)
            try:
                self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            finally:
                set_namespace(own)
        self.udp.bind((address, 0))
        self.udp.settimeout(10)
        self.name = f"{address}[{self.udp.getsockname()[1]}]"

    def has_answer(self):
        self.udp.setblocking(False)
        try:
            return bool(self.udp.recv(65535))
        except BlockingIOError:
            return False


def set_namespace(file):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.setns(file.fileno(), 0x40000000) == 0, ctypes.get_errno()


@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_gets_no_answer_and_is_counted(ends, kind):
    node, _ = ends
    run("ip", "-n", "ike-office", "addr", "add", f"{STRANGER}/24", "dev", "wan")
    node.want(start=0, version=1 if kind == "ikev1" else 2)
    assert node.apply() == []
    port, marker = KINDS[kind]
    opening = marker + (main_mode() if kind == "ikev1" else ike_sa_init())
    stranger, known = Caller(STRANGER), Caller(OFFICE)
    for _ in range(3):
        stranger.udp.sendto(opening, (NODE, port))
    wait_for(lambda: node.ask_dataplane()["strangers"] == [stranger.name] * 3, what="each of them counted")

    known.udp.sendto(opening, (NODE, port))
    answer = known.udp.recv(65535)
    assert answer.startswith(marker + INITIATOR_SPI), "the same bytes deserve an answer"
    assert not stranger.has_answer()
    assert node.ask_dataplane()["strangers"] == [stranger.name] * 3
    assert STRANGER not in "".join(line for line in node.log().splitlines(True) if "sending packet" in line)


def test_a_flood_of_strangers_leaves_room_for_the_answers_to_peers(ends):
    node, _ = ends
    run("ip", "-n", "ike-office", "addr", "add", f"{STRANGER}/24", "dev", "wan")
    node.want(start=0)
    assert node.apply() == []
    stranger, known = Caller(STRANGER), Caller(OFFICE)
    node.ask_dataplane("deaf")  # it takes nothing for a moment: what charon sends is queued
    for i in range(1000):  # several times what the queue holds
        stranger.udp.sendto(ike_sa_init(), (NODE, 500))
        if i % 5 == 0:
            node.ask_dataplane()  # or its own queue overflows

    def is_answered():
        known.udp.sendto(ike_sa_init(), (NODE, 500))
        return f"sending packet: from {NODE}[500] to {known.name}" in node.log()
    wait_for(is_answered, what="charon answers its peer")
    node.ask_dataplane("hearing")
    assert known.udp.recv(65535).startswith(INITIATOR_SPI), "the answer was not crowded out"
    assert 10 < len(node.ask_dataplane()["strangers"]) < 1000
