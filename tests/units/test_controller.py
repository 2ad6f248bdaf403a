# SPDX-License-Identifier: Apache-2.0
"""The controller under its unit: it works, and it may do no more than it must."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from machine import API, BIN, MS_PRIVATE, ask, connect, own_machine, status_of, succeeds_as
from sandbox import CAPABILITIES, PACKAGING, Accounts, Unit, libc

STATE = "/var/lib/farspan-controller"


class Controller:
    def __init__(self, directory):
        self.accounts = Accounts()
        own_machine(directory, self.accounts, MS_PRIVATE)
        self.unit = Unit("farspan-controller", self.accounts)
        self.log = directory / "log"
        Path("/etc/farspan/controller.env").write_text("FARSPAN_ADVERTISE=127.0.0.1:7443\n")
        self.process = self.unit.start(BIN, open(self.log, "ab"))
        end = time.monotonic() + 20
        while not (os.path.exists(API) and os.stat(API).st_mode & 0o060):
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)


@pytest.fixture(scope="module")
def controller(tmp_path_factory):
    one = Controller(tmp_path_factory.mktemp("units"))
    yield one
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(timeout=20) == 0, one.log.read_text()


@pytest.mark.parametrize("name", sorted(path.stem for path in (PACKAGING / "systemd").glob("*.service")))
def test_no_unit_says_what_this_does_not_know(name):
    assert Unit(name, Accounts()).one("NoNewPrivileges") == "yes"


def test_it_works(controller):
    node = "kind: Region\nname: r\n---\nkind: Node\nname: n\nspec: {region: r, public_address: 192.0.2.1}\n"
    assert ask("POST", "/v1/apply", node)[0] == 200
    status, bundle = ask("POST", "/v1/nodes/n/enrolment")
    assert status == 200 and bundle["controller"] == "127.0.0.1:7443"
    with socket.create_connection(("127.0.0.1", 7443), timeout=5):
        pass
    assert controller.process.poll() is None


def test_nobody_else_reads_its_state(controller):
    for name in ("ca.key", "store.db", "ca.crt"):
        path = f"{STATE}/{name}"
        assert controller.unit.can(lambda: open(path, "rb").close()), path
        admin = [controller.accounts.groups["farspan-admin"]]
        assert not succeeds_as(62000, admin, lambda: open(path, "rb").close()), path
        assert os.stat(path).st_uid == controller.unit.uid and os.stat(path).st_mode & 0o077 == 0, path


def test_its_socket_is_for_one_group(controller):
    assert succeeds_as(62000, [controller.accounts.groups["farspan-admin"]], lambda: connect(API))
    assert not succeeds_as(62000, [], lambda: connect(API))
    assert not succeeds_as(62000, [], lambda: open(f"{Path(API).parent}/more", "w"))


def test_it_has_no_rights(controller):
    fields = status_of(controller.process)
    allowed = sum(1 << CAPABILITIES[one] for one in controller.unit.words("CapabilityBoundingSet"))
    assert allowed == 0
    for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh"):
        assert int(fields[kind], 16) == 0, f"{kind} {fields[kind]}"
    assert set(fields["Uid"].split()) == {str(controller.unit.uid)} != {"0"}
    assert fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2"


def test_what_it_may_not_do_it_cannot(controller):
    unit = controller.unit
    assert unit.end_of(lambda: libc.chroot(b"/")) == -signal.SIGSYS
    assert unit.can(lambda: open(f"{STATE}/written", "w").close()) and unit.can(lambda: socket.socket().close())
    assert not unit.can(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    assert not unit.can(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
    for path in ("/etc/farspan/written", "/var/lib/written", "/run/written"):
        assert not unit.can(lambda: open(path, "w")), path
    assert not unit.can(lambda: os.setuid(0))
    assert not unit.can(lambda: open("/etc/shadow").close())
