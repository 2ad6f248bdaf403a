"""A lab to test in: the `farspan` command, hosts to run things on, and waiting for conditions instead of sleeping."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import time
from collections import Counter

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FARSPAN = os.environ.get("FARSPAN", str(ROOT / "build/release/bin/farspan"))
GLOBAL_OFFICES = ROOT / "examples/global-offices"
STEPS = ["1-us-east.yaml", "2-shanghai.yaml", "3-cen.yaml", "4-publish.yaml", "5-security.yaml"]

OFFICES = {f"office-{i}": address for i, address in
           enumerate(["10.10.10.10", "10.10.20.10", "10.20.10.10", "10.20.20.10"], start=1)}
APPS = {"app-us-east": "172.16.1.10", "app-shanghai": "172.17.1.10"}
HOSTS = {**OFFICES, **APPS}


def farspan(*words, stdin=None, ok=True, timeout=120):
    """Runs the command line; its standard output. ok=False gives the finished process instead of demanding success."""
    done = subprocess.run([FARSPAN, *words], input=stdin, capture_output=True, text=True, timeout=timeout)
    if not ok:
        return done
    assert done.returncode == 0, f"farspan {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def farspan_json(*words):
    return json.loads(farspan(*words, "-o", "json"))


def wait_for(what, condition, seconds=20.0):
    """The first true answer of `condition`; fails with its last answer when none comes."""
    deadline = time.monotonic() + seconds
    answer = None
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    pytest.fail(f"{what} did not happen in {seconds} s; last answer: {answer!r}")


class Lab:
    def __init__(self, status):
        self.name = status["lab"]
        self.directory = pathlib.Path(status["directory"])
        self.netns = {host["name"]: host["netns"] for host in status["hosts"]}

    def run(self, host, *words, timeout=60, **options):
        return subprocess.run(["ip", "netns", "exec", self.netns[host], *words], capture_output=True, text=True,
                              timeout=timeout, **options)

    def start(self, host, *words, **options):
        return subprocess.Popen(["ip", "netns", "exec", self.netns[host], *words], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, **options)

    def pings(self, host, to, count=1, size=56, df=None, patience=1.0):
        words = ["ping", "-n", "-q", "-c", str(count), "-i", "0.05", "-W", str(patience), "-s", str(size)]
        if df is not None:
            words += ["-M", "do" if df else "dont"]
        return self.run(host, *words, to, timeout=count * (patience + 1) + 10).returncode == 0

    def http(self, host, to, patience=3):
        done = self.run(host, "curl", "-s", "-m", str(patience), f"http://{to}/")
        return done.stdout.strip() if done.returncode == 0 else None

    def pid(self, program):
        for row in farspan_json("lab", "status")["programs"]:
            if row["name"] == program:
                return row["pid"]
        raise KeyError(program)

    def swanctl(self, office, *words):
        """swanctl against the office's own strongSwan."""
        place = self.directory / office
        return subprocess.run(["swanctl", *words, "--uri", f"unix://{place}/charon.vici"], capture_output=True, text=True,
                              timeout=30, env={**os.environ, "SWANCTL_DIR": f"{place}/swanctl",
                                               "STRONGSWAN_CONF": f"{place}/strongswan.conf"})

    def node_swanctl(self, node, *words):
        """swanctl against a node's charon."""
        return subprocess.run(["swanctl", *words, "--uri", f"unix://{self.directory}/{node}/charon.vici"], capture_output=True,
                              text=True, timeout=30, env={**os.environ, "STRONGSWAN_CONF": f"{self.directory}/{node}/strongswan.conf"})

    def load_office(self, office, connection=None, edit=None):
        """Exports the connection, as it is unless `edit` changes the text, and loads it into the office's router."""
        text = farspan("export", "ipsec-connection", connection or office, "--format", "swanctl")
        farspan("lab", "load", office, "-", stdin=edit(text) if edit else text)


def tunnels():
    return {(row["node"], row["connection"] or "link " + row["peer_node"]): row
            for row in farspan_json("tunnels")["tunnels"]}


def tunnel_is_up(connection):
    return any(row["child_state"] == "ipsec_sa_established" for (_, name), row in tunnels().items() if name == connection)


def drops(node):
    for row in farspan_json("nodes")["nodes"]:
        if row["node"] == node:
            return {drop["reason"]: drop["packets"] for drop in row["drops"]}
    raise KeyError(node)


def each_stands_once(lab):
    """No tunnel of a node has two IKE SAs, nor will have: an office that called before the node was there calls again 4 s
    later, and what it makes then replaces what the node made meanwhile."""
    offices = [lab.swanctl(office, "--list-sas").stdout for office in OFFICES]
    nodes = [lab.node_swanctl(node, "--list-sas").stdout for node in lab.netns if node.endswith("-node")]
    names = [Counter(re.findall(r"^(\S+): #\d+, ESTABLISHED", shown, re.MULTILINE)) for shown in nodes]
    is_alone = all(of and set(of.values()) == {1} for of in names)
    return names and is_alone and not any("CONNECTING" in shown for shown in offices + nodes)


def all_in_force():
    nodes = farspan_json("nodes")["nodes"]
    return all(node["connected"] and node["in_force"] and not node["failures"] for node in nodes) and nodes


def apply(name, directory=GLOBAL_OFFICES):
    farspan("apply", "-f", str(directory / name))
    wait_for(f"{name} in force", all_in_force)


def bring_up(path, *options):
    farspan("lab", "up", str(path), *options, timeout=180)
    return Lab(farspan_json("lab", "status"))


def keep_evidence(lab, scenario):
    """After a failure: logs and what every part says go to build/lab-evidence."""
    place = ROOT / "build/lab-evidence" / scenario / lab.name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    for words in (["nodes"], ["tunnels"], ["drops"], ["lab", "status"]):
        (place / ("-".join(words) + ".txt")).write_text(farspan(*words, ok=False).stdout)
    for log in list(lab.directory.glob("log/*.log")) + list(lab.directory.glob("*/charon.log")):
        shutil.copy(log, place / str(log.relative_to(lab.directory)).replace("/", "."))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.get_result().failed and call.when == "call":
        for name in ("lab", "empty_lab"):
            if name in getattr(item, "funcargs", {}):
                keep_evidence(item.funcargs[name], item.path.stem)


def for_one_module(path, *options):
    """What a fixture of a lab does: yields it up, and takes it down."""
    brought_up = bring_up(path, *options)
    yield brought_up
    farspan("lab", "down", "--lab", brought_up.name)


@pytest.fixture(scope="module")
def lab():
    """The whole example network, up and proved by `lab up` itself."""
    yield from for_one_module(GLOBAL_OFFICES)


@pytest.fixture(scope="module")
def empty_lab():
    """The machines of the example, nothing declared but the platform."""
    yield from for_one_module(GLOBAL_OFFICES, "--empty")
