# SPDX-License-Identifier: Apache-2.0
"""The real farspan-dataplane in namespaces: does a packet come through, and does bulk TCP?"""

import os
import pathlib
import subprocess

import pytest

from lab_node import Lab, run, two_linked_nodes, wait_until

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
