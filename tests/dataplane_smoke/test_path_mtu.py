# SPDX-License-Identifier: Apache-2.0
"""Path MTU that nobody can poison and that is found where ICMP is filtered: the real programs around real routers.

   client 10.1.0.5 ─TAP─ A 192.0.2.1 ── router-a ══wire══ router-b ── B 198.51.100.2 ─TAP─ server 10.2.0.5
"""

import os
import pathlib
import socket
import subprocess
import time

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.packet import Raw, raw

from lab_node import LINK_BIT, InNamespace, Lab, run, two_linked_nodes, wait_until

BINARY = os.environ.get("FARSPAN_DATAPLANE", "farspan-dataplane")
pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not pathlib.Path("/dev/net/tun").exists(),
                                reason="needs root and /dev/net/tun")

A, B = "192.0.2.1", "198.51.100.2"
SPI_OF_A = 0x2001  # which it sends with
LINK, OFFICE = LINK_BIT | 1, 1
NATIVE = {"suite": (20, 0), "key_length": 36, "integrity_key_length": 0, "is_udp": False}


@pytest.fixture
def lab(request):
    lab = Lab("pmtu", BINARY)
    yield lab
    lab.close()


def pings(namespace, size, df=True, count=1, wait=1):
    """Whether an echo request of `size` bytes in all is answered by the server."""
    return "bytes from" in run("ping", "-c", count, "-i", 0.2, "-W", wait, "-M", "do" if df else "dont", "-s", size - 28,
                               "10.2.0.5", namespace=namespace, check=False)


def filter_icmp(lab):
    """The routers say nothing any more."""
    for router in ("router-a", "router-b"):
        run("nft", "add table ip quiet; "
            "add chain ip quiet output { type filter hook output priority 0; }; add rule ip quiet output ip protocol icmp drop; "
            "add chain ip quiet forward { type filter hook forward priority 0; }; add rule ip quiet forward ip protocol icmp drop",
            namespace=f"{lab.prefix}-{router}")


def set_wire(lab, mtu):
    """What the wire between the routers carries, of which no node can know."""
    for router in ("router-a", "router-b"):
        run("ip", "link", "set", "wire", "mtu", mtu, namespace=f"{lab.prefix}-{router}")


def send_icmp(lab, packets):
    with InNamespace(f"{lab.prefix}-router-a"):
        injector = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with injector:
        for packet in packets:
            injector.sendto(raw(packet), (A, 0))


def quote(esp_header, mtu=576, length=1400, source=A, native=False):
    inside = (Raw(esp_header) if native else UDP(sport=4500, dport=4500, len=length - 20) / Raw(esp_header))
    return (IP(src="100.64.0.1", dst=A) / ICMP(type=3, code=4, nexthopmtu=mtu) /
            IP(src=source, dst=B, proto=50 if native else 17, len=length, flags="DF") / inside)


@pytest.mark.parametrize("suite", [None, NATIVE], ids=["udp", "native"])
def test_forged_icmp_changes_nothing_and_a_true_one_counts(lab, suite):
    (a, _), client, _ = two_linked_nodes(lab, suite, is_link=False, has_routers=True)
    assert pings(client, 1400)
    is_native = suite is not None
    forged = [quote(b"\xde\xad\xbe\xef" * 2, native=is_native),
              quote(SPI_OF_A.to_bytes(4, "big") + (1000).to_bytes(4, "big"), native=is_native),  # not sent yet
              quote(SPI_OF_A.to_bytes(4, "big") + (1).to_bytes(4, "big"), source="192.0.2.9", native=is_native)]
    send_icmp(lab, forged)
    wait_until("the forged ones to be refused", lambda: a.counters().get("drop.forged_quote", 0) == len(forged))
    assert a.path(OFFICE) == (1500, "route")
    assert pings(client, 1400)

    set_wire(lab, 1300)
    pings(client, 1400)  # the router tells the node, the node its client
    wait_until("the true one", lambda: a.path(OFFICE) == (1300, "quote"))
    pings(client, 1400)
    told = run("ip", "route", "get", "10.2.0.5", namespace=client)
    mtu = int(told.split(" mtu ")[1].split()[0])
    assert 1200 < mtu < 1300 and pings(client, mtu), told


@pytest.fixture
def chatter(lab):
    """Small packets over the link all the time, as a link in use has them."""
    processes = []

    def start(client):
        processes.append(lab.spawn("ping", "-q", "-i", 0.05, "-s", 20, "10.2.0.5", namespace=client,
                                   stdout=subprocess.DEVNULL))
    return start


def test_a_link_finds_its_path_where_icmp_is_filtered(lab, chatter):
    (a, b), client, _ = two_linked_nodes(lab, has_routers=True, mtu=9000)
    filter_icmp(lab)
    chatter(client)
    wait_until("the first probe", lambda: a.path(LINK) == (9000, "probe"))
    for mtu in (1280, 8000, 1301, 1500, 9000):
        set_wire(lab, mtu)
        since = time.monotonic()
        wait_until(f"{mtu} to be found", lambda: a.path(LINK) == (mtu - mtu % 4, "probe"))  # AES-GCM's blocks
        assert time.monotonic() - since < 3
    assert a.counters().get("drop.dummy", 0) == 0 and b.counters().get("drop.dummy", 0) == 0


def test_an_idle_link_is_hardly_probed(lab):
    (a, b), client, _ = two_linked_nodes(lab, has_routers=True)
    assert pings(client, 100)
    wait_until("the first probe", lambda: a.path(LINK) == (1500, "probe"))
    sent = lambda: a.counters()["packets.to_link"] + b.counters()["packets.to_link"]
    before, since = sent(), time.monotonic()
    wait_until("three seconds", lambda: time.monotonic() > since + 3)
    assert sent() - before <= 2, "what was under way"


def test_tcp_and_udp_reach_an_office_behind_a_black_hole(lab):
    (a, _), client, server = two_linked_nodes(lab, is_link=False, has_routers=True)
    set_wire(lab, 1300)
    filter_icmp(lab)
    assert pings(client, 100)
    assert pings(client, 1400, df=False), "without DF inside there is none outside, and the router may fragment"
    assert not pings(client, 1400, df=True), "nobody knows yet"

    blob = lab.directory / "blob"
    blob.write_bytes(os.urandom(3 << 20))
    for namespace in (client, server):
        lab.spawn("python3", "-m", "http.server", "8000", "--directory", lab.directory, namespace=namespace,
                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until("the web server", lambda: ":8000" in run("ss", "-ltn", namespace=namespace))
    for here, there in ((server, "10.1.0.5"), (client, "10.2.0.5")):
        size = run("curl", "-s", "-m", 30, "-o", "/dev/null", "-w", "%{size_download}", f"http://{there}:8000/blob",
                   namespace=here)
        assert int(size) == 3 << 20
    assert a.path(OFFICE) == (1280, "black_hole")
    assert pings(client, 1400, df=False)
    pings(client, 1400, df=True)
    assert "mtu 12" in run("ip", "route", "get", "10.2.0.5", namespace=client), "the sender is told"
