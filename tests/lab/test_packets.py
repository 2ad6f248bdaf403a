"""Sizes, fragments, path MTU, TTL: packets of every size pass every path, and the ICMP errors on the way are right."""

import hashlib
import re

import pytest

from conftest import HOSTS, OFFICES, drops, wait_for

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


SPOOF = """
import socket, sys
from scapy.all import IP, ICMP, ESP, SecurityAssociation, raw
spi, key, gateway, office, victim = int(sys.argv[1], 16), bytes.fromhex(sys.argv[2]), *sys.argv[3:6]
sa = SecurityAssociation(ESP, spi=spi, crypt_algo="AES-GCM", crypt_key=key, tunnel_header=IP(src=office, dst=gateway))
sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x42)  # as the office's own IKE and ESP: not into the tunnel itself
for n in range(5):
    sealed = raw(sa.encrypt(IP(src="10.10.20.99", dst=victim) / ICMP(id=n), seq_num=100000 + n)[ESP])
    udp = (4500).to_bytes(2, "big") * 2 + (8 + len(sealed)).to_bytes(2, "big") + bytes(2)
    sock.sendto(udp + sealed, (gateway, 0))
"""


def child_sa_keys(lab, office):
    """SPI and key with which the office's strongSwan seals, from its own log at the level that shows keys."""
    place = lab.directory / office
    conf = place / "strongswan.conf"
    conf.write_text(conf.read_text().replace("default = 1", "default = 1\n      chd = 4", 1))
    assert lab.swanctl(office, "--reload-settings").returncode == 0
    log = place / "charon.log"
    before = log.stat().st_size
    assert lab.swanctl(office, "--rekey", "--child", office).returncode == 0
    pattern = (r"encryption initiator key => 36 bytes @ 0x[0-9a-f]+\n((?:.*\d+: (?:[0-9A-F]{2} )+.*\n)+)(?:.*\n)*?"
               r".*adding outbound ESP SA\n.*SPI 0x([0-9a-f]+)")
    found = wait_for("keys in the office's log", lambda: re.search(pattern, log.read_text()[before:]), seconds=10)
    octets = re.findall(r"\d+: ((?:[0-9A-F]{2} )+)", found.group(1))
    return found.group(2), "".join(octets).replace(" ", "")


def test_a_spoofed_inner_source_is_dropped_and_counted(lab):
    """An office seals, with the keys of its own valid tunnel, packets from an address of another office."""
    spi, key = child_sa_keys(lab, "office-1")
    before = drops("us-east-node").get("inner_policy", 0)
    sent = lab.run("office-1-router", "/usr/bin/python3", "-c", SPOOF, spi, key, "203.0.113.1", "198.51.100.11", OFFICES["office-2"])
    assert sent.returncode == 0, sent.stderr
    wait_for("five spoofed packets counted", lambda: drops("us-east-node").get("inner_policy", 0) == before + 5, seconds=5)
