#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Throughput of two nodes between a client and a server, beside plain routing and strongSwan's userland ESP.

    client ── A ══ B ── server        four namespaces on this machine for each contestant (contestants.py)

TCP by iperf3 -C cubic with one and eight streams: Mbit/s received. UDP with 64 bytes of payload, sent as fast
as the client can: packets received in a second. The contestants take turns, run by run, so that a busy
neighbour on the machine hits all of them; medians are compared. Everything shares the machine's cores, the
client and the server too: compare the ratios, not the absolute numbers, with other machines. Needs root and
iperf3.
"""

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import signal
import statistics
import sys

from contestants import ALL, SERVER, SUITES, Contestant, has_strongswan, run

TESTS = {"tcp1": "TCP, 1 stream, Mbit/s", "tcp8": "TCP, 8 streams, Mbit/s", "udp64": "UDP of 64 bytes, kpps"}
LOCK = "/run/lock/farspan-bench"


def measure(contestant, test, seconds):
    """One run; Mbit/s or thousands of packets a second at the receiver."""
    command = ["iperf3", "-c", SERVER, "-t", seconds, "-J"]
    command += ["-u", "-b", "0", "-l", "64"] if test == "udp64" else ["-C", "cubic", "-P", test.removeprefix("tcp")]
    end = json.loads(run(*command, namespace=contestant.client, timeout=seconds + 60))["end"]
    if test == "udp64":
        return (end["sum"]["packets"] - end["sum"]["lost_packets"]) / end["sum"]["seconds"] / 1e3
    return end["sum_received"]["bits_per_second"] / 1e6


def remove_leftovers():
    """What a bench that was killed left behind. @pre the lock is held, so nobody uses it."""
    for line in run("ip", "netns", "list").splitlines():
        name = line.split()[0]
        if name.startswith("bench-"):
            for pid in run("ip", "netns", "pids", name).split():
                os.kill(int(pid), signal.SIGKILL)
            run("ip", "netns", "del", name, check=False)


def show_progress(text):
    if sys.stderr.isatty():
        print(f"\r{text:60}\r", end="", file=sys.stderr, flush=True)


def compare(arguments):
    """{test: {contestant: [value of each run]}}"""
    results = {test: {name: [] for name in arguments.contestants} for test in arguments.tests}
    with contextlib.ExitStack() as stack:
        contestants = []
        for name in arguments.contestants:
            contestants.append(Contestant(name, arguments.binary, arguments.suite))
            stack.callback(contestants[-1].close)
        for number in range(arguments.runs):
            for test in arguments.tests:
                for contestant in contestants:
                    show_progress(f"run {number + 1} of {arguments.runs}: {test} {contestant.name}")
                    results[test][contestant.name].append(measure(contestant, test, arguments.seconds))
    show_progress("")
    return results


def print_table(results, arguments, load):
    print(f"End to end, {arguments.suite} in UDP; median (min … max) of {arguments.runs} runs of {arguments.seconds} s; "
          f"{os.cpu_count()} cores for everything; load before {load[0]:.1f}, after {load[1]:.1f}"
          f"{'; real-time priority for all' if arguments.realtime else ''}\n")
    print(f"{'':26}" + "".join(f"{name:>26}" for name in arguments.contestants)
          + "".join(f"{f'ours / {name}':>20}" for name in arguments.contestants if name != "ours"))
    for test, by_name in results.items():
        row = f"{TESTS[test]:26}"
        for name in arguments.contestants:
            values = by_name[name]
            row += f"{f'{statistics.median(values):.0f} ({min(values):.0f} … {max(values):.0f})':>26}"
        for name in arguments.contestants:
            if name != "ours" and "ours" in by_name:
                row += f"{statistics.median(by_name['ours']) / statistics.median(by_name[name]):>20.2f}"
        print(row)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="farspan-dataplane", help="the data plane to measure")
    parser.add_argument("--suite", choices=SUITES, default="aes256gcm")
    parser.add_argument("--tests", choices=TESTS, nargs="+", default=list(TESTS))
    parser.add_argument("--contestants", choices=ALL, nargs="+", default=list(ALL))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each run")
    parser.add_argument("--realtime", action="store_true",
                        help="run every program of every contestant with real-time priority (SCHED_RR), where other "
                             "work on the machine would decide the result")
    parser.add_argument("-o", "--output", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("network namespaces need root")
    if "strongswan" in arguments.contestants and not has_strongswan():
        parser.error("strongSwan's userland ESP is not installed (libcharon-extra-plugins, charon-systemd)")
    if pathlib.Path(arguments.binary).exists():
        arguments.binary = pathlib.Path(arguments.binary).resolve()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with open(LOCK, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            parser.error("another bench runs on this machine")
        remove_leftovers()
        if arguments.realtime:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))  # and of every child
        before = os.getloadavg()[0]
        results = compare(arguments)
        load = (before, os.getloadavg()[0])
    if arguments.output == "json":
        print(json.dumps({"suite": arguments.suite, "cores": os.cpu_count(), "seconds": arguments.seconds,
                          "is_realtime": arguments.realtime, "load_before": load[0], "load_after": load[1],
                          "results": results}, indent=1))
    else:
        print_table(results, arguments, load)


if __name__ == "__main__":
    main()
