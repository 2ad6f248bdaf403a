# SPDX-License-Identifier: Apache-2.0
"""The real farspan-dataplane in namespaces: does a packet come through, and does bulk TCP?"""

import os
import pathlib
import resource
import socket
import subprocess

import pytest

from lab_node import InNamespace, Lab, mac_of, mac_text, run, two_linked_nodes, wait_until

BINARY = os.environ.get("FARSPAN_DATAPLANE", "farspan-dataplane")

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not pathlib.Path("/dev/net/tun").exists(),
                                reason="needs root and /dev/net/tun")


@pytest.fixture
def lab(request):
    lab = Lab("core", BINARY)
    yield lab
    lab.close()


def in_equals_out(counters):
    came = ("from_port", "from_office", "from_link", "from_underlay", "from_ike", "answered", "fragmented")
    went = ("to_port", "to_office", "to_link", "to_underlay", "to_ike", "consumed")
    total_in = sum(counters.get(f"packets.{name}", 0) for name in came)
    total_out = sum(counters.get(f"packets.{name}", 0) for name in went)
    return total_in == total_out + sum(value for name, value in counters.items() if name.startswith("drop."))


SUITES = {
    "gcm": {"suite": (20, 0), "key_length": 36, "integrity_key_length": 0},
    "cbc": {"suite": (12, 12), "key_length": 32, "integrity_key_length": 32},
    "native": {"suite": (20, 0), "key_length": 36, "integrity_key_length": 0, "is_udp": False},
}


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("is_link", [True, False], ids=["link", "office"])
def test_ping_and_bulk_tcp_between_instances(lab, suite, is_link):
    nodes, client, server = two_linked_nodes(lab, SUITES[suite], is_link)
    run("ping", "-c", 3, "-i", 0.2, "-W", 2, "10.2.0.5", namespace=client)
    run("ping", "-c", 1, "-W", 2, "10.1.0.1", namespace=client)

    iperf = lab.spawn("iperf3", "-s", "-1", namespace=server, stdout=subprocess.DEVNULL)
    wait_until("iperf3 to listen", lambda: ":5201" in run("ss", "-ltn", namespace=server))
    run("iperf3", "-c", "10.2.0.5", "-t", 1, "-C", "cubic", namespace=client)
    iperf.wait(10)
    for node in nodes:
        counters = node.counters()
        out = "packets.to_link" if is_link else "packets.to_office"
        assert counters[out] > 100, counters
        assert in_equals_out(counters), counters
        assert counters.get("drop.bad_icv", 0) == 0 and counters.get("drop.replayed", 0) == 0, counters


def test_ike_datagrams_pass_between_the_charons_of_two_nodes(lab):
    (a, b), _, _ = two_linked_nodes(lab)
    a.connect_ike()
    b.connect_ike()
    for port, marker in ((500, b""), (4500, bytes(4))):
        for length in (1200, 4000):  # larger than the path MTU: in fragments, as with certificates
            payload = marker + os.urandom(length)
            a.send_ike("192.0.2.1", "192.0.2.2", port, payload)
            assert b.receive_ike() == ("192.0.2.1", port, port, payload)
    newer = b.ike
    b.connect_ike()  # a restarted charon takes the place of the one before
    assert newer.recv(1) == b""
    a.send_ike("192.0.2.1", "192.0.2.2", 500, bytes(28))
    assert b.receive_ike()[3] == bytes(28)


def test_the_largest_native_esp_packet_there_can_be_is_counted(lab):
    """In fragments, which the kernel puts together before the node sees them."""
    (a, b), _, _ = two_linked_nodes(lab)
    with InNamespace(a.namespace):
        esp = socket.socket(socket.AF_INET, socket.SOCK_RAW, 50)
    with esp:
        esp.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER, IP_PMTUDISC_DONT
        for length in (17000, 65535 - 20):
            esp.sendto(bytes([0x12]) * length, ("192.0.2.2", 0))
    wait_until("both", lambda: b.counters().get("drop.unknown_spi", 0) == 2)
    assert in_equals_out(b.counters())


def test_a_smaller_path_mtu_is_learnt_and_told(lab):
    nodes, client, server = two_linked_nodes(lab)
    run("ping", "-c", 1, "-W", 2, "-M", "do", "-s", 1400, "10.2.0.5", namespace=client)
    lab.spawn("iperf3", "-s", "-1", namespace=server, stdout=subprocess.DEVNULL)
    wait_until("iperf3 to listen", lambda: ":5201" in run("ss", "-ltn", namespace=server))
    bulk = lab.spawn("iperf3", "-c", "10.2.0.5", "-t", 3, "-C", "cubic", namespace=client, stdout=subprocess.PIPE)
    wait_until("bulk traffic", lambda: nodes[1].counters().get("packets.to_port", 0) > 1000)
    run("ip", "link", "set", "wan", "mtu", 1300, namespace=nodes[0].namespace)
    run("ip", "link", "set", "wan", "mtu", 1300, namespace=nodes[1].namespace)
    before = nodes[1].counters()["packets.to_port"]
    wait_until("bulk traffic in smaller packets", lambda: nodes[1].counters()["packets.to_port"] > before + 10000)
    assert bulk.wait(10) == 0
    run("ping", "-c", 1, "-W", 2, "-M", "do", "-s", 1400, "10.2.0.5", namespace=client, check=False)
    assert "mtu 1234" in run("ip", "route", "get", "10.2.0.5", namespace=client)  # 1300 less ESP, UDP and label
    assert all(in_equals_out(node.counters()) for node in nodes)


def test_a_dead_device_is_taken_out_and_can_be_replaced(lab):
    nodes, client, _ = two_linked_nodes(lab)
    assert nodes[0].live_ports() == [1]
    run("ip", "link", "del", "eth0", namespace=client)
    wait_until("the port to be given up", lambda: nodes[0].live_ports() == [])
    fd = nodes[0].make_tap(client, "10.1.0.5/24", "10.1.0.1", mac_text(1))
    request = lab.v1[0].TablesRequest()
    request.batch.generation = 2
    port = request.batch.ports.add(id=1, vrf=1, address="10.1.0.5", gateway="10.1.0.1", subnet="10.1.0.0/24",
                                   mac=mac_of(1), has_fd=True, mtu=1500)
    port.security_groups.append(1)
    nodes[0].request(request, [fd])
    run("ping", "-c", 2, "-i", 0.2, "-W", 2, "10.2.0.5", namespace=client)


def test_it_may_hold_as_many_descriptors_as_the_system_grants(lab):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    try:
        nodes, _, _ = two_linked_nodes(lab)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert resource.prlimit(nodes[0].process.pid, resource.RLIMIT_NOFILE) == (limits[1], limits[1])


def test_it_ends_cleanly(lab):
    nodes, _, _ = two_linked_nodes(lab)
    nodes[0].process.terminate()
    assert nodes[0].process.wait(5) == 0
    assert sorted(path.name for path in nodes[0].run_dir.iterdir()) == ["log", "sequences"]
