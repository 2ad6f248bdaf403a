"""Who floods is named: an instance and an office that open flows without end, in `farspan flows --top`."""

import json
import os
import re
import subprocess
import sys

import pytest

from conftest import FARSPAN, HOSTS, farspan, wait_for

# One datagram to each port: a flow each, and none is answered.
FLOOD = """
import socket, sys
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(1024, 65536):
    try:
        out.sendto(b"flood", (sys.argv[1], port))
    except OSError:
        pass
"""
LEAST = 20_000  # of 64,512 that were sent; none has to arrive


def users():
    return json.loads(farspan("flows", "--top", "-o", "json"))["users"]


def of(kind, name, node):
    return next((user for user in users() if (user["kind"], user["name"], user["node"]) == (kind, name, node)), None)


@pytest.mark.parametrize("host, to, kind, name, node", [
    ("app-us-east", "office-4", "Instance", "app-us-east", "us-east-node"),
    ("office-3", "office-1", "IpsecConnection", "office-3", "shanghai-node"),
])
def test_a_flood_is_named_with_what_it_holds(lab, host, to, kind, name, node):
    flood = lab.run(host, sys.executable, "-c", FLOOD, HOSTS[to])
    assert flood.returncode == 0, flood.stderr
    seen = wait_for(f"{name} on {node}", lambda: (user := of(kind, name, node)) and user["flows"] > LEAST and user, seconds=15)
    assert seen["weak"] > LEAST and seen["opened"] >= seen["flows"] and seen["vpc"]
    largest = [user for user in users() if user["node"] == node]
    weights = [max(user["flows"], user["opened_last_second"]) for user in largest]
    assert weights == sorted(weights, reverse=True), "who holds most comes first"
    # What the flood before it left behind may still be more.
    assert (kind, name) in [(user["kind"], user["name"]) for user in largest[:2]]


def test_behind_a_link_the_node_and_the_vpc_are_named(lab):
    """What app-us-east sent to office-4 came to the other node by the link."""
    seen = wait_for("the link on shanghai-node", lambda: of("Node", "us-east-node", "shanghai-node"), seconds=15)
    assert seen["flows"] > LEAST and seen["group"] is not None


def test_the_table_fits_80_columns(lab):
    shown = subprocess.run(["script", "-qec", f"stty cols 80; {FARSPAN} flows --top 3", "/dev/null"], capture_output=True,
                           text=True, env={**os.environ, "NO_COLOR": "1"}, timeout=30).stdout
    lines = shown.replace("\r", "").splitlines()
    assert max(map(len, lines)) <= 80, shown
    assert "app-us-east" in shown and "office-3" in shown, shown
    assert re.search(r"NODE\s+FLOWS\s+OF\s+FULL", shown), shown
