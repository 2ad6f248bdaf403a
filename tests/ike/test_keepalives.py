# SPDX-License-Identifier: Apache-2.0
"""A node behind a NAT keeps its mapping open (RFC 3948 §4), as an observer on the other side of the NAT sees it.

   ike-node 192.168.77.2 ── 192.168.77.1 ike-nat 10.77.0.1 ── 10.77.0.2 ike-office
"""
import contextlib
import subprocess

import lab
import pytest
from lab import NODE, OFFICE, run, wait_for

INSIDE = "192.168.77.2"
PERIOD = 1  # s; 20 in production


def inside(namespace, *words):
    return run("ip", "netns", "exec", namespace, *words)


def put_node_behind_nat():
    run("ip", "netns", "add", "ike-nat")
    run("ip", "-n", "ike-node", "link", "set", "wan", "netns", "ike-nat")
    run("ip", "link", "add", "wan", "netns", "ike-node", "type", "veth", "peer", "name", "lan", "netns", "ike-nat")
    for namespace, device, address in (("ike-nat", "wan", NODE), ("ike-nat", "lan", "192.168.77.1"), ("ike-node", "wan", INSIDE)):
        run("ip", "-n", namespace, "addr", "add", f"{address}/24", "dev", device)
        run("ip", "-n", namespace, "link", "set", device, "up")
    run("ip", "-n", "ike-node", "route", "add", "default", "via", "192.168.77.1")
    inside("ike-nat", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    inside("ike-nat", "nft", "add table ip nat; add chain ip nat out { type nat hook postrouting priority 100 ; }; "
                             "add rule ip nat out oifname wan masquerade")


@contextlib.contextmanager
def tunnel_of(address, directory):
    """A node that has this address and an office, with their tunnel up."""
    with contextlib.ExitStack() as started:
        node = lab.Node(directory / "node", address=address, settings={"keep_alive = 20s": f"keep_alive = {PERIOD}s"})
        started.callback(node.end)
        office = lab.Office(directory / "office")
        started.callback(office.end)
        started.callback(lambda: print(node.log()[-4000:]))
        wait_for(lambda: (node.ask_dataplane() or {}).get("connected"), what="charon connects to the data plane")
        office.configure()
        node.want(local=address)
        assert node.apply() == []
        wait_for(node.is_up, what="tunnel comes up")
        yield node


class Observer:
    """What crosses the office's wire: [seconds, line, IPv4 packet in hex], as tcpdump says it."""

    def __init__(self, count, expression):
        self.process = subprocess.Popen(["ip", "netns", "exec", "ike-office", "tcpdump", "-n", "-l", "-tt", "-x", "-i", "wan",
                                         "-c", str(count), expression], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while "listening on" not in (line := self.process.stderr.readline()):
            assert line, "tcpdump ended"

    def packets(self, patience):
        try:
            output, _ = self.process.communicate(timeout=patience)
        finally:
            self.process.kill()
        packets = []
        for line in output.splitlines():
            if line[0].isdigit():
                packets.append([float(line.split()[0]), line, ""])
            else:
                packets[-1][2] += line.split(":", 1)[1].replace(" ", "")
        return packets


def payload(octets):
    return octets[2 * 28:]  # behind 20 bytes of IPv4 header and 8 of UDP


@pytest.fixture
def nat():
    yield
    run("ip", "netns", "del", "ike-nat", check=False)


def test_a_node_behind_a_nat_sends_keepalives(nat, network, tmp_path):
    put_node_behind_nat()
    with tunnel_of(INSIDE, tmp_path) as node:
        assert node.status()["nat"] == "1"
        # one byte of payload, from the NAT's address to the port that IKE has moved to
        packets = Observer(4, f"src {NODE} and dst {OFFICE} and udp dst port 4500 and udp[4:2] = 9").packets(20 * PERIOD)
        assert [payload(octets)[:2] for _, _, octets in packets] == ["ff"] * 4
        gaps = [later[0] - earlier[0] for earlier, later in zip(packets, packets[1:])]
        assert all(PERIOD * 0.5 < gap < PERIOD * 3 for gap in gaps), gaps
        assert node.is_up()


def test_a_node_that_is_not_behind_one_sends_none(network, tmp_path):
    """The office says that it is behind a NAT: then the keepalives are the office's. Dead peer detection tells the time."""
    with tunnel_of(NODE, tmp_path):
        packets = Observer(2, f"src {NODE} and dst {OFFICE} and udp dst port 4500").packets(patience=30)
        assert packets[1][0] - packets[0][0] > 3 * PERIOD
        assert all(payload(octets).startswith("00000000") for _, _, octets in packets), packets
