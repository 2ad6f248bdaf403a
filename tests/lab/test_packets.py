"""Sizes, fragments, path MTU, TTL: packets of every size pass every path, and the ICMP errors on the way are right."""

import hashlib
import re
import subprocess

import pytest

from conftest import APPS, HOSTS, OFFICES, drops, farspan, wait_for

PATHS = {  # from, to: what the way is called
    "office to app of its region": ("office-1", "app-us-east"),
    "office to app across the world": ("office-1", "app-shanghai"),
    "office to office at one gateway": ("office-1", "office-2"),
    "office to office across the world": ("office-2", "office-3"),
}
SIZES = [1, 100, 1200, 1350, 1372, 1373, 1400, 1472, 1473, 2000, 3000, 9000, 30000, 65000]


@pytest.mark.parametrize("path", PATHS)
def test_echoes_of_every_size_pass_when_they_may_be_fragmented(lab, path):
    source, destination = PATHS[path]
    failed = [size for size in SIZES if not lab.pings(source, HOSTS[destination], count=2, size=size, df=False)]
    assert failed == []


@pytest.mark.parametrize("path", PATHS)
def test_with_df_set_a_packet_passes_or_its_sender_learns_the_mtu(lab, path):
    source, destination = PATHS[path]
    assert lab.pings(source, HOSTS[destination], size=1200, df=True)
    told = lab.run(source, "ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", "-M", "do", "-s", "1472", HOSTS[destination])
    mtus = [int(mtu) for mtu in re.findall(r"mtu ?= ?(\d+)", told.stdout + told.stderr)]
    assert mtus, told.stdout + told.stderr
    assert all(1280 <= mtu < 1500 for mtu in mtus)
    assert lab.pings(source, HOSTS[destination], size=min(mtus) - 28, df=True, count=2)


@pytest.mark.parametrize("path", PATHS)
def test_a_large_tcp_transfer_arrives_whole_both_ways(lab, path, tmp_path):
    source, destination = PATHS[path]
    blob = tmp_path / "blob"
    blob.write_bytes(hashlib.sha256(path.encode()).digest() * (1 << 18))  # 8 MiB
    digest = hashlib.sha256(blob.read_bytes()).hexdigest()
    port = "80"  # what the security groups allow; the web server of the destination serves its own directory
    root = lab.directory / destination / "www"
    (root / "blob").write_bytes(blob.read_bytes())
    try:
        got = lab.run(source, "sh", "-c", f"curl -s -m 60 http://{HOSTS[destination]}:{port}/blob | sha256sum", timeout=90)
        assert got.stdout.split()[0] == digest
    finally:
        (root / "blob").unlink()


def test_udp_datagrams_of_every_size_arrive_whole(lab):
    """Office to office, no security group in between: 1 to 65,000 bytes echoed back."""
    server = lab.start("office-3", "python3", "-c", """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21); s.bind(("", 7007))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(65535); s.sendto(data, peer)
""")
    try:
        assert server.stdout.readline().strip() == "ready"
        client = lab.run("office-1", "python3", "-c", f"""
import os, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21); s.settimeout(2)
for size in {SIZES}:
    data = os.urandom(size)
    for attempt in range(3):
        s.sendto(data, ("{OFFICES['office-3']}", 7007))
        try:
            if s.recv(65535) == data: break
        except TimeoutError: pass
    else: print("lost", size)
""", timeout=150)
        assert client.stdout == "" and client.returncode == 0, client.stdout + client.stderr
    finally:
        server.kill()
        server.wait()


def test_traceroute_names_every_router_on_the_way(lab):
    output = lab.run("office-1", "traceroute", "-n", "-I", "-q", "1", "-w", "2", OFFICES["office-3"]).stdout
    hops = re.findall(r"^\s*\d+\s+(\S+)", output, re.MULTILINE)
    assert hops == ["10.10.10.1", "172.16.1.253", "172.17.1.253", "10.20.10.1", "10.20.10.10"], output


def test_an_address_nobody_has_is_answered_with_unreachable(lab):
    output = lab.run("office-1", "ping", "-n", "-c", "1", "-W", "2", "172.16.1.77").stdout
    assert "Destination Host Unreachable" in output, output


def test_a_spoofed_inner_source_is_dropped_and_counted(lab):
    """An office sends, through its own valid tunnel, from an address that is another office's."""
    before = drops("us-east-node").get("inner_policy", 0)
    lab.run("office-1-router", "ip", "addr", "add", "10.10.20.99/32", "dev", "lo")
    try:
        # the office's own policy would not take it: hand it to the tunnel device directly
        lab.run("office-1-router", "ping", "-n", "-c", "5", "-i", "0.05", "-W", "1", "-I", "ipsec0", OFFICES["office-2"])
        lab.run("office-1-router", "python3", "-c", f"""
from scapy.all import IP, ICMP, conf, L3RawSocket, sendp
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
packet = bytes(IP(src="10.10.20.99", dst="{OFFICES['office-2']}") / ICMP())
for _ in range(5): s.sendto(packet, ("ipsec0", 0x0800))
""")
    finally:
        lab.run("office-1-router", "ip", "addr", "del", "10.10.20.99/32", "dev", "lo")
    wait_for("spoofed packets counted", lambda: drops("us-east-node").get("inner_policy", 0) >= before + 1, seconds=5)
