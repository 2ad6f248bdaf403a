#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TCP between two instances on two nodes, beside plain kernel routing of the same topology, in one run.

    client ── A ══ B ── server        four network namespaces on this machine, all sharing its cores

ours     client and server on TAP ports, A and B farspan-dataplane, ESP in UDP between them (--suite)
routing  client and server on veth, A and B the kernel's router, no encryption: the ceiling

The two take turns, run by run, so that a busy neighbour on the machine hits both. Compare the ratio, not the
absolute numbers, with other machines. Needs root and iperf3.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "dataplane_smoke"))
from lab_node import Lab, run, two_linked_nodes, wait_until  # noqa: E402

SUITES = {
    "aes256gcm": {"suite": (20, 0), "key_length": 36, "integrity_key_length": 0},
    "aes128gcm": {"suite": (20, 0), "key_length": 20, "integrity_key_length": 0},
    "aes256-sha256": {"suite": (12, 12), "key_length": 32, "integrity_key_length": 32},
    "aes128-sha1": {"suite": (12, 2), "key_length": 16, "integrity_key_length": 20},
}


def routed(lab):
    """client ─veth─ A ─veth─ B ─veth─ server, forwarded by the kernel."""
    client, a, b, server = (lab.namespace(name) for name in ("client", "a", "b", "server"))
    lab.veth(client, "eth0", "10.1.0.5/24", a, "lan", "10.1.0.1/24")
    lab.veth(a, "wan", "192.0.2.1/24", b, "wan", "192.0.2.2/24")
    lab.veth(server, "eth0", "10.2.0.5/24", b, "lan", "10.2.0.1/24")
    for router, other, via in ((a, "10.2.0.0/24", "192.0.2.2"), (b, "10.1.0.0/24", "192.0.2.1")):
        run("sysctl", "-qw", "net.ipv4.ip_forward=1", namespace=router)
        run("ip", "route", "add", other, "via", via, namespace=router)
    run("ip", "route", "add", "default", "via", "10.1.0.1", namespace=client)
    run("ip", "route", "add", "default", "via", "10.2.0.1", namespace=server)
    return client, server


class Contestant:
    """One topology, up for the whole comparison."""

    def __init__(self, name, prefix, binary, build):
        self.name, self.lab = name, Lab(prefix, binary)
        self.results = {}
        try:
            self.client, self.server = build(self.lab)
            self.lab.spawn("iperf3", "-s", namespace=self.server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until("iperf3 to listen", lambda: ":5201" in run("ss", "-ltn", namespace=self.server))
        except BaseException:
            self.lab.close()
            raise

    def measure(self, streams, seconds):
        report = json.loads(run("iperf3", "-c", "10.2.0.5", "-t", seconds, "-P", streams, "-C", "cubic", "-J",
                                namespace=self.client, timeout=seconds + 60))
        self.results.setdefault(streams, []).append(report["end"]["sum_received"]["bits_per_second"] / 1e6)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="farspan-dataplane")
    parser.add_argument("--suite", choices=SUITES, default="aes256gcm")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    arguments = parser.parse_args()

    contestants = []
    try:
        contestants.append(Contestant("ours", "core-o", arguments.binary,
                                      lambda lab: two_linked_nodes(lab, SUITES[arguments.suite])[1:]))
        contestants.append(Contestant("routing", "core-r", arguments.binary, routed))
        for _ in range(arguments.runs):
            for streams in arguments.streams:
                for contestant in contestants:
                    contestant.measure(streams, arguments.seconds)
    finally:
        for contestant in contestants:
            contestant.lab.close()

    load = os.getloadavg()[0]
    print(f"Mbit/s, min / median / max of {arguments.runs} runs of {arguments.seconds} s; {arguments.suite}; "
          f"{os.cpu_count()} cores; load at the end {load:.1f}")
    print(f"{'':10}" + "".join(f"{f'TCP x{streams}':>28}" for streams in arguments.streams))
    for contestant in contestants:
        row = f"{contestant.name:10}"
        for streams in arguments.streams:
            got = sorted(contestant.results[streams])
            row += f"{got[0]:>12.0f} / {statistics.median(got):.0f} / {got[-1]:.0f}"
        print(row)
    row = f"{'ratio':10}"
    for streams in arguments.streams:
        ours, routing = (statistics.median(contestant.results[streams]) for contestant in contestants)
        row += f"{ours / routing:>28.2f}"
    print(row)


if __name__ == "__main__":
    main()
