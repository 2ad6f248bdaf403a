# SPDX-License-Identifier: Apache-2.0
"""charon with our plugin and the real data plane together: what survives which death, and who keeps whom waiting."""
import contextlib
import os
import re
import signal
import struct
import subprocess

import lab
import pytest
from lab import NODE, ROOT, wait_for

DATAPLANE = os.environ.get("FARSPAN_DATAPLANE", str(ROOT / "build/release/bin/farspan-dataplane"))


class Node(lab.Node):
    def start_dataplane(self):
        self.dataplane = lab.Process(self.namespace, DATAPLANE, "--run-dir", str(self.dir), log=self.dir / "dataplane.log")

    def kill_dataplane(self):
        self.dataplane.end(signal.SIGKILL)
        self.start_dataplane()

    def spis(self):
        """Of the inbound SAs charon has installed."""
        return set(re.findall(r"state=INSTALLED.*?spi-in=(\w+)", lab.run(
            "swanctl", "--list-sas", "--raw", "--uri", f"unix://{self.dir}/charon.vici")))


@pytest.fixture
def ends(network, tmp_path):
    with contextlib.ExitStack() as started:
        node = Node(tmp_path / "node")
        started.callback(node.end)
        office = lab.Office(tmp_path / "office")
        started.callback(office.end)
        wait_for(lambda: "data plane has 0 SAs" in node.log() and "IKE goes through" in node.log(), what="charon is connected")
        yield node, office


def bring_up(node, office):
    office.configure()
    node.want()
    assert node.apply() == []
    return wait_for(node.is_up, what="tunnel comes up")


def test_a_killed_dataplane_gets_its_sas_back_and_one_without_its_numbers_new_ones(ends):
    node, office = ends
    ike_id = bring_up(node, office)["ike_id"]
    node.kill_dataplane()
    wait_for(lambda: "data plane has 2 SAs" in node.log(), what="repeated")
    assert "refuses" not in node.log() and node.is_up()["ike_id"] == ike_id

    known = node.spis()
    assert known
    (node.dir / "sequences").unlink()
    node.kill_dataplane()
    wait_for(lambda: node.log().count("its sequence numbers are lost") == 2, what="both are refused")
    wait_for(lambda: node.is_up() and node.spis() and not node.spis() & known, 30, "made anew")

    known, repeated = node.spis(), node.log().count("data plane has 2 SAs")
    node.kill_dataplane()
    wait_for(lambda: node.log().count("data plane has 2 SAs") > repeated, what="repeated to the file the last one made")
    assert node.log().count("its sequence numbers are lost") == 2 and node.spis() == known


def test_strangers_reach_charon_only_with_what_may_open_an_sa(ends):
    node, office = ends
    # flags: response; SPIs nobody has: charon would write three lines about each
    made_up = struct.pack(">8s8sBBBBII", b"initiato", b"responde", 0, 0x20, 37, 0x20, 0, 28)
    sender = """
import socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(500): udp.sendto(bytes.fromhex(sys.argv[1]), (sys.argv[2], 500))
"""
    subprocess.run(["ip", "netns", "exec", "ike-office", "/usr/bin/python3", "-c", sender, made_up.hex(), NODE], check=True)
    bring_up(node, office)  # came behind them, from the same address
    assert "informational" not in node.log().lower()
