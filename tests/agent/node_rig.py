"""One node and its controller in two namespaces, made of the real programs, and ways to break them.

  fsat-ctl  203.0.113.254 ── wan ── 203.0.113.1  fsat-node          fsat-app, fsat-late, …
  farspan-controller                farspan-dataplane, farspan-agent ── eth0 of instances

charon is not started: what concerns tunnels is in tests/lab.
"""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BIN = pathlib.Path(os.environ.get("FARSPAN_BIN", pathlib.Path(__file__).parents[2] / "build/release/bin"))
CONTROLLER, NODE = "203.0.113.254", "203.0.113.1"
ADDRESS = f"{CONTROLLER}:7443"


def wait_for(what, condition, seconds=10.0):
    """The first true answer of `condition`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen in {seconds} s; last answer: {answer!r}")
        time.sleep(0.02)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True)


def instance(name, netns, address, groups="[open]"):
    return (f"---\nkind: Instance\nname: {name}\nspec:\n  vswitch: apps\n  address: {address}\n"
            f"  security_groups: {groups}\n  node: east\n  netns: {netns}\n")


NETWORK = """
kind: Region
name: us-east
---
kind: Node
name: east
spec: {region: us-east, public_address: 203.0.113.1}
---
kind: Vpc
name: us-east
spec: {region: us-east, cidr_blocks: [172.16.0.0/16]}
---
kind: VSwitch
name: apps
spec: {vpc: us-east, cidr: 172.16.1.0/24}
---
kind: SecurityGroup
name: open
spec:
  vpc: us-east
  rules:
  - {protocol: all, peer_cidr: 0.0.0.0/0}
"""


class Rig:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="farspan-agent-"))
        self.programs = {}
        self.namespaces = []
        for name in ("fsat-ctl", "fsat-node"):
            self.add_netns(name)
        ip("link", "add", "wan", "netns", "fsat-ctl", "type", "veth", "peer", "name", "wan", "netns", "fsat-node")
        for name, address in (("fsat-ctl", CONTROLLER), ("fsat-node", NODE)):
            ip("-n", name, "addr", "add", address + "/24", "dev", "wan")
            ip("-n", name, "link", "set", "wan", "up")
        (self.directory / "run").mkdir()

    def close(self):
        for name in list(self.programs):
            self.kill(name)
        for name in list(self.namespaces):
            self.delete_netns(name)
        shutil.rmtree(self.directory)

    def add_netns(self, name):
        ip("netns", "delete", name, check=False)  # of a run that crashed
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
        self.namespaces.append(name)

    def delete_netns(self, name):
        ip("netns", "delete", name, check=False)
        self.namespaces.remove(name)

    # programs ------------------------------------------------------------------------------------------------------
    def start(self, name, netns, *words):
        with open(self.directory / f"{name}.log", "ab") as log:
            self.programs[name] = subprocess.Popen(
                ["ip", "netns", "exec", netns, str(BIN / words[0]), *words[1:]], stdout=log, stderr=log)

    def start_controller(self):
        self.start("controller", "fsat-ctl", "farspan-controller", "--state-dir", str(self.directory / "controller"),
                   "--listen", ADDRESS, "--advertise", ADDRESS, "--api-socket", self.api)
        wait_for("the controller's API", self.answers)

    def start_dataplane(self):
        self.start("dataplane", "fsat-node", "farspan-dataplane", "--run-dir", str(self.directory / "run"))

    def start_agent(self):
        self.start("agent", "fsat-node", "farspan-agent", "--node", "east", "--run-dir", str(self.directory / "run"),
                   "--state-dir", str(self.state), "--controller", ADDRESS, "--enrol", str(self.bundle))

    def kill(self, name, how=signal.SIGKILL, patience=5):
        program = self.programs.pop(name)
        program.send_signal(how)
        return program.wait(patience)

    def log(self, name):
        return (self.directory / f"{name}.log").read_text()

    @property
    def state(self):
        return self.directory / "state"

    @property
    def bundle(self):
        return self.directory / "bundle.json"

    # the controller ------------------------------------------------------------------------------------------------
    @property
    def api(self):
        return str(self.directory / "api.sock")

    def ask(self, method, path, body=None):
        connection = UnixConnection(self.api)
        connection.request(method, path, body, {"Content-Type": "application/yaml"} if body else {})
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status < 300, f"{method} {path}: {answer.status} {text}"
        return json.loads(text)

    def answers(self):
        try:
            return self.ask("GET", "/v1/version")
        except OSError:
            return None

    def apply(self, text):
        self.ask("POST", "/v1/apply", text)
        wanted = self.node()["generation_wanted"]
        wait_for(f"generation {wanted} in force", lambda: self.node()["generation_in_force"] >= wanted)

    def delete(self, kind, name):
        self.ask("DELETE", f"/v1/resources/{kind}/{name}")

    def enrol(self):
        self.bundle.write_text(json.dumps(self.ask("POST", "/v1/nodes/east/enrolment")))

    def node(self):
        return next(n for n in self.ask("GET", "/v1/nodes")["nodes"] if n["node"] == "east")

    # instances -----------------------------------------------------------------------------------------------------
    def pings(self, netns, to="172.16.1.253", count=1):
        return subprocess.run(["ip", "netns", "exec", netns, "ping", "-n", "-q", "-c", str(count), "-i", "0.02", "-W",
                               "1", to], capture_output=True).returncode == 0

    def device(self, netns, name="eth0"):
        """The device as `ip -j addr` shows it, or None. Of one that goes while it looks, `ip` shows an empty list."""
        shown = ip("-n", netns, "-j", "-d", "addr", "show", "dev", name, check=False)
        return next(iter(json.loads(shown.stdout)), None) if shown.returncode == 0 else None

    def default_route(self, netns):
        return ip("-n", netns, "route", "show", "default").stdout
