# SPDX-License-Identifier: Apache-2.0
"""The nodes' port of the real program against strangers and against a machine with a node's certificate that lies:
what they take of memory, descriptors and time is bounded, and others are served meanwhile and afterwards."""

import concurrent.futures
import os
import random
import time
from pathlib import Path

import grpc
import pytest
from conftest import Controller
from node_client import Http2, Machine, Session, enrol, field, problems, status, varint

NODE = "us-east-node"
MB = 1 << 20


def memory(controller, line):
    for row in open(f"/proc/{controller.process.pid}/status"):
        if row.startswith(line):
            return int(row.split()[1]) << 10
    raise AssertionError(line)


def peak_during(controller, work):
    """How far `work` raises the memory of the program above what it has now."""
    before = memory(controller, "VmRSS")
    Path(f"/proc/{controller.process.pid}/clear_refs").write_text("5")  # proc(5): the peak begins anew
    work()
    return memory(controller, "VmHWM") - before


def becomes_true(condition, patience=20):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def row(controller):
    return next(node for node in controller.get("/v1/nodes")["nodes"] if node["node"] == NODE)


def open_descriptors(controller):
    return len(os.listdir(f"/proc/{controller.process.pid}/fd"))


class FewDescriptors(Controller):
    def arguments(self):
        return ["prlimit", "--nofile=256:256", *super().arguments()]


def with_network(controller, network):
    controller.start()
    controller.apply(network)
    return controller


def stranger(controller):
    """A connection with a request that never ends."""
    try:
        one = Http2(controller.listen)
        one.begin(1)
        return one
    except OSError:  # ended for a newer one already
        return None


def strangers(controller, count):
    with concurrent.futures.ThreadPoolExecutor(32) as threads:
        return [one for one in threads.map(lambda _: stranger(controller), range(count)) if one]


def test_strangers_lock_nobody_out_and_leave_nothing_behind(tmp_path, network):
    controller = with_network(FewDescriptors(tmp_path), network)
    try:
        inside = Machine(controller, NODE)
        session = Session(inside.channel())
        session.next()
        before = open_descriptors(controller)
        held = strangers(controller, 300)
        assert open_descriptors(controller) < 150
        begun = time.monotonic()
        assert controller.request("GET", "/v1/version")[0] == 200
        assert time.monotonic() - begun < 5
        Machine(controller, NODE)  # enrolls in the middle of it
        assert row(controller)["connected"], "whoever has a session keeps it"
        for one in held:
            one.close()
        assert becomes_true(lambda: open_descriptors(controller) <= before + 2), "nothing stays of them"
        Machine(controller, NODE)
        session.close()
        assert "of connections without a session" in controller.log.read_text()
    finally:
        assert controller.stop() == 0


def test_a_request_that_never_ends_is_ended(controller):
    one = stranger(controller)
    begun = time.monotonic()
    assert one.is_ended(60)
    assert 15 < time.monotonic() - begun < 30


def test_strangers_share_a_bounded_memory(controller, network):
    controller.apply(network)

    def attack():
        held = strangers(controller, 200)
        for one in held:
            try:
                for stream in (1, 3, 5, 7):
                    if stream > 1:
                        one.begin(stream)
                    one.announce(stream, 16000, 15000)
            except OSError:
                pass  # its place was taken
        for one in held:
            one.close()

    assert peak_during(controller, attack) < 64 * MB


def test_an_enrolment_is_no_larger_than_one_can_be(controller, network):
    controller.apply(network)
    ca = (controller.state / "ca.crt").read_bytes()
    Machine(controller, NODE)  # what the first connection takes is not the attack's

    def attack():
        for body, code in ((b"\x22\x00" * 8000, grpc.StatusCode.INVALID_ARGUMENT),
                           (b"\x23\x24" * 8000, grpc.StatusCode.INVALID_ARGUMENT),
                           (b"\x22\x00" * 8000000, grpc.StatusCode.RESOURCE_EXHAUSTED)):
            with pytest.raises(grpc.RpcError) as refused:
                enrol(controller.listen, ca, body)
            assert refused.value.code() == code, refused.value

    assert peak_during(controller, attack) < 32 * MB
    Machine(controller, NODE)


HEAVY = {
    "empty tunnels": status(b"\x0a\x00" * (4 * MB - 100)),
    "empty counters": status(b"\x12\x00" * (4 * MB - 100)),
    "empty ports": status(b"\x1a\x00" * (4 * MB - 100)),
    "empty children": status(field(1, b"\x8a\x01\x00" * (2 * MB))),
    "unknown fields": status(b"\xc2\x3e\x00" * (2 * MB)),
    "groups": status(b"\xc3\x3e\xc4\x3e" * (MB)),
    "empty failures": field(2, b"\x12\x00" * (4 * MB - 100)),
    "one long word": status(field(1, field(2, b"x" * (7 * MB)))),
    "nothing that is protobuf": b"\xff" * (8 * MB - 100),
}


@pytest.fixture
def machine(controller, network):
    controller.apply(network)
    return Machine(controller, NODE)


@pytest.mark.parametrize("what", HEAVY)
def test_no_message_of_a_node_takes_64_megabytes(controller, machine, what):
    session = Session(machine.channel())
    session.next()

    def attack():
        session.say(HEAVY[what])
        assert becomes_true(lambda: "were refused" in problems(controller, NODE)), what

    assert peak_during(controller, attack) < 64 * MB
    session.say(status(field(2, field(1, b"packets") + b"\x10\x07")))
    assert becomes_true(lambda: row(controller)["counters"] == [{"name": "packets", "value": 7}]), \
        "what it says truly is still taken"
    assert controller.log.read_text().count("is refused: it says more than its state can have") == 1
    session.close()


def test_a_node_has_few_sessions_however_many_it_begins(controller, machine):
    before = open_descriptors(controller)

    def attack():
        sessions = [Session(machine.channel()) for _ in range(30)]
        with concurrent.futures.ThreadPoolExecutor(30) as threads:
            ends = [threads.submit(session.end) for session in sessions]
            assert becomes_true(lambda: sum(end.done() for end in ends) >= 26)
            assert {end.result() for end in ends if end.done()} <= {grpc.StatusCode.ABORTED, grpc.StatusCode.RESOURCE_EXHAUSTED}
            for session in sessions:
                session.close()

    assert peak_during(controller, attack) < 64 * MB
    assert becomes_true(lambda: not row(controller)["connected"] and open_descriptors(controller) <= before + 2)

    def comes_back():
        session = Session(machine.channel())
        try:
            return session.next()
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        finally:
            session.close()

    assert becomes_true(comes_back)


def test_two_machines_with_one_certificate_are_named(controller, machine):
    first = Session(machine.channel())
    first.next()
    second = Session(machine.channel())
    second.next()

    def both_speak():
        for session in (first, second):
            session.say(status(b""))
        return "two machines use it at once" in problems(controller, NODE)

    assert becomes_true(both_speak)
    assert "farspan revoke" in problems(controller, NODE)
    assert controller.log.read_text().count("two machines use its certificate") == 1
    second.close()
    first.close()


def test_a_machine_that_comes_back_is_not_two(controller, machine):
    for _ in range(3):
        session = Session(machine.channel())
        session.next()
        session.say(status(b""))
        assert becomes_true(lambda: row(controller)["connected"])
        session.close()
    assert "two machines" not in controller.log.read_text()


def test_a_certificate_is_renewed_for_a_new_key_only(controller, machine):
    from cryptography.hazmat.primitives.asymmetric import ec
    session = Session(machine.channel())
    session.next()
    session.say(field(4, field(1, machine.request_for_certificate(machine.key))))
    assert session.end() == grpc.StatusCode.INVALID_ARGUMENT
    session = Session(machine.channel())
    session.next()
    session.say(field(4, field(1, machine.request_for_certificate(ec.generate_private_key(ec.SECP256R1())))))
    assert b"us-east" in session.next()
    session.close()


def test_random_reports_break_nothing(controller, machine):
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")
    chance = random.Random(seed)

    def piece(depth):
        kind = chance.randrange(6)
        tag = chance.choice([1, 2, 3, 4, 5, 8, 15, 16, 17, 18, 1000])
        if kind == 0:
            return varint(tag << 3) + varint(chance.getrandbits(chance.choice([3, 7, 32, 64])))
        if kind == 1:
            return field(tag, bytes(chance.randrange(256) for _ in range(chance.randrange(40))))
        if kind == 2:
            return bytes(chance.randrange(256) for _ in range(chance.randrange(6)))
        return field(tag, b"".join(piece(depth + 1) for _ in range(chance.randrange(5)))) if depth < 7 else b""

    said = 0
    while said < 400:
        session = Session(machine.channel())
        try:
            session.next()
            for _ in range(80):
                session.say(b"".join(piece(0) for _ in range(chance.randrange(1, 6))))
                said += 1
        except grpc.RpcError:
            pass
        finally:
            session.close()
    assert controller.request("GET", "/v1/nodes")[0] == 200
    assert controller.request("GET", "/v1/tunnels")[0] == 200
    assert memory(controller, "VmRSS") < 300 * MB
