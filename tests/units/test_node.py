# SPDX-License-Identifier: Apache-2.0
"""A controller and a node on one machine under their units: it all works, and no program may do more than it must."""

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from machine import API, BIN, MS_SHARED, ask, connect, own_machine, run, status_of, succeeds_as, wait_for
from sandbox import CAPABILITIES, Accounts, Unit, libc

ADDRESS, OFFICE, NODE = "203.0.113.1", "203.0.113.9", "east"
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
spec: {vpc: us-east}
---
kind: Instance
name: app
spec: {vswitch: apps, address: 172.16.1.10, security_groups: [open], node: east, netns: app}
---
kind: VpnGateway
name: us-east
spec: {vpc: us-east, node: east}
---
kind: CustomerGateway
name: office
spec: {address: 203.0.113.9}
---
kind: IpsecConnection
name: office
spec: {vpn_gateway: us-east, customer_gateway: office, local_subnets: [0.0.0.0/0], remote_subnets: [10.10.10.0/24]}
"""


def asked(method, target, body=None):
    status, answer = ask(method, target, body)
    assert status == 200, answer
    return answer


def connect_to_the_internet():
    run("ip", "link", "add", "wan", "type", "veth", "peer", "name", "net")
    run("ip", "address", "add", f"{ADDRESS}/24", "dev", "wan")
    run("ip", "link", "set", "wan", "up")
    run("ip", "link", "set", "net", "up")
    run("ip", "neighbour", "add", OFFICE, "lladdr", "02:00:00:00:00:09", "dev", "wan")  # so that packets to it leave


class Machine:
    def __init__(self, directory):
        self.directory = directory
        self.accounts = Accounts()
        own_machine(directory, self.accounts, MS_SHARED)  # instances' namespaces reach the agent
        connect_to_the_internet()
        self.units = {name: Unit(f"farspan-{name}", self.accounts) for name in ("controller", "dataplane", "charon", "agent")}
        self.processes = {}

    def start(self, name, environment=None):
        log = open(self.directory / f"{name}.log", "ab")
        self.processes[name] = self.units[name].start(BIN, log, environment)

    def log(self, name):
        return (self.directory / f"{name}.log").read_text()

    def up(self):
        Path("/etc/farspan/controller.env").write_text(f"FARSPAN_ADVERTISE={ADDRESS}:7443\n")
        self.start("controller")
        wait_for("the API answers", lambda: os.path.exists(API) and os.stat(API).st_gid and asked("GET", "/v1/version"))
        asked("POST", "/v1/apply", NETWORK)
        run("ip", "netns", "add", "app")
        Path("/etc/farspan/agent.env").write_text(f"FARSPAN_NODE={NODE}\nFARSPAN_CONTROLLER={ADDRESS}:7443\n")
        template = (Path(__file__).parents[2] / "packaging/strongswan.conf.in").read_text()
        Path("/etc/farspan/strongswan.conf").write_text(template.replace("@RUN_DIR@", "/run/farspan"))
        plugin = Path("/var/lib/plugin.so")
        shutil.copy(f"{BIN}/libstrongswan-farspan.so", plugin)
        list(self.units["agent"].directories())
        bundle = Path("/var/lib/farspan/enrolment.json")
        bundle.write_text(json.dumps(asked("POST", f"/v1/nodes/{NODE}/enrolment")))
        os.chown(bundle, self.units["agent"].uid, self.units["agent"].gid)
        bundle.chmod(0o600)
        self.start("dataplane")
        wait_for("the data plane listens", lambda: os.path.exists("/run/farspan/tables.sock"))
        self.start("charon", {"LD_PRELOAD": str(plugin)})
        wait_for("charon listens", lambda: os.path.exists("/run/farspan/charon.vici"))
        self.start("agent")

    def down(self):
        for process in reversed(self.processes.values()):
            process.send_signal(signal.SIGTERM)
        return {name: process.wait(timeout=30) for name, process in self.processes.items()}


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    one = Machine(tmp_path_factory.mktemp("units"))
    try:
        one.up()
        yield one
    finally:
        ends = one.down()
        for name, code in ends.items():
            print(name, code, one.log(name)[-2000:])
    assert set(ends.values()) == {0}, ends


def node():
    return asked("GET", "/v1/nodes")["nodes"][0]


def is_ike_to_office(packet):
    """IPv4 without options, UDP, port 500 (RFC 7296 section 2)."""
    return packet[9] == 17 and packet[16:20] == socket.inet_aton(OFFICE) and packet[22:24] == (500).to_bytes(2, "big")


def test_everything_works_under_the_units(machine):
    seen = wait_for("everything is in force", lambda: node() if node()["in_force"] and node()["is_charon_up"] and
                    node()["is_dataplane_up"] and not node()["failures"] else None)
    assert seen["connected"]
    assert not os.path.exists("/var/lib/farspan/enrolment.json")
    device = subprocess.run(["ip", "-n", "app", "address", "show", "eth0"], capture_output=True, text=True, check=True).stdout
    assert "172.16.1.10" in device
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as wire:
        wire.bind(("net", 0x0800))
        wire.setblocking(False)
        wait_for("charon tries the office", lambda: is_ike_to_office(wire.recv(2048)))
    wait_for("charon's plugin has the data plane", lambda: Path("/proc/net/unix").read_text().count("/run/farspan/sad.sock") > 1)
    for name, process in machine.processes.items():
        assert process.poll() is None, machine.log(name)


SECRETS = {
    "controller": ["/var/lib/farspan-controller/ca.key", "/var/lib/farspan-controller/store.db"],
    "agent": ["/var/lib/farspan/node.key", "/var/lib/farspan/node_state.bin"],
    "dataplane": ["/run/farspan/sequences"],
}


def test_no_program_reads_what_another_keeps(machine):
    wait_for("the agent keeps its state", lambda: os.path.exists("/var/lib/farspan/node_state.bin"))
    for owner, paths in SECRETS.items():
        for path in paths:
            assert os.path.exists(path), path
            for name, unit in machine.units.items():
                may = unit.can(lambda: open(path, "rb").close())
                assert may == (name == owner), f"{name} {path}"
            assert os.stat(path).st_mode & 0o007 == 0, path


SOCKETS = {
    (API, socket.SOCK_STREAM): {"controller"},
    ("/run/farspan/charon.vici", socket.SOCK_STREAM): {"agent", "charon"},
    ("/run/farspan/tables.sock", socket.SOCK_STREAM): {"agent", "charon", "dataplane"},
    ("/run/farspan/sad.sock", socket.SOCK_SEQPACKET): {"agent", "charon", "dataplane"},
    ("/run/farspan/ike.sock", socket.SOCK_SEQPACKET): {"agent", "charon", "dataplane"},
}


def test_sockets_are_for_their_groups(machine):
    for (path, kind), those in SOCKETS.items():
        for name, unit in machine.units.items():
            assert unit.can(lambda: connect(path, kind)) == (name in those), f"{name} {path}"
    admin = machine.accounts.groups["farspan-admin"]
    for groups, may in (([admin], True), ([machine.accounts.groups["farspan-node"]], False)):
        assert succeeds_as(62000, groups, lambda: connect(API)) == may, groups


def test_the_data_planes_sockets_are_not_charons_to_remove(machine):
    assert not machine.units["charon"].can(lambda: os.unlink("/run/farspan/tables.sock"))
    assert not machine.units["agent"].can(lambda: os.unlink("/run/farspan/sequences"))


def test_the_programs_have_what_their_units_give_and_no_more(machine):
    for name, process in machine.processes.items():
        fields = status_of(process)
        allowed = sum(1 << CAPABILITIES[one] for one in machine.units[name].words("CapabilityBoundingSet"))
        for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
            assert int(fields[kind], 16) & ~allowed == 0, f"{name} {kind} {fields[kind]}"
        assert set(fields["Uid"].split()) == {str(machine.units[name].uid)}, name
        assert fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2", name


@pytest.mark.parametrize("name", ["controller", "dataplane", "charon", "agent"])
def test_a_call_outside_the_filter_ends_the_program(machine, name):
    unit = machine.units[name]
    assert unit.end_of(lambda: libc.chroot(b"/")) == -signal.SIGSYS
    assert not unit.can(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)), name
    assert not unit.can(lambda: open("/etc/farspan/written", "w"))
    assert not unit.can(lambda: os.setuid(0))
    assert not unit.can(lambda: open("/etc/shadow").close())
