# SPDX-License-Identifier: Apache-2.0
"""The controller under its unit: it works, and it may do no more than it must."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from sandbox import CAPABILITIES, PACKAGING, Accounts, Unit, libc

BIN = os.environ.get("FARSPAN_BIN", str(Path(__file__).parents[2] / "build/release/bin"))
API, STATE = "/run/farspan-controller/api.sock", "/var/lib/farspan-controller"


def run(*words):
    subprocess.run(words, check=True, capture_output=True)


def ask(method, target, body=None):
    class Connection(http.client.HTTPConnection):
        def connect(self):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(API)

    connection = Connection("farspan", timeout=10)
    connection.request(method, target, body=body)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def own_machine(directory, accounts):
    """/run, /var/lib and /etc of this test's own."""
    mount = Unit.mount
    mount(None, "/", None, 0x4000 | (1 << 18))  # MS_REC | MS_PRIVATE
    etc = directory / "etc"
    etc.mkdir()
    mount("tmpfs", str(etc), "tmpfs", 0, "mode=755")
    run("cp", "-a", "/etc/.", str(etc))
    accounts.files(etc)
    (etc / "farspan").mkdir(exist_ok=True)
    mount(str(etc), "/etc", None, 0x1000)  # MS_BIND
    for path in ("/run", "/var/lib"):
        mount("tmpfs", path, "tmpfs", 0, "mode=755")
    run("ip", "link", "set", "lo", "up")


class Controller:
    def __init__(self, directory):
        assert os.environ.get("FARSPAN_OWN_NAMESPACE") == "1", "it mounts over /run and /etc: run it by ctest"
        self.accounts = Accounts()
        own_machine(directory, self.accounts)
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


def succeeds_as(uid, groups, work):
    """Does `work` succeed as this user?"""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(groups)
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            work()
            os._exit(0)
        except OSError:
            os._exit(1)
        except BaseException:
            os._exit(2)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 1)
    return code == 0


def connect(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(path)


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
    fields = dict(line.split(":\t", 1) for line in Path(f"/proc/{controller.process.pid}/status").read_text().splitlines() if ":\t" in line)
    allowed = sum(1 << CAPABILITIES[one] for one in controller.unit.words("CapabilityBoundingSet"))
    assert allowed == 0
    for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh"):
        assert int(fields[kind], 16) == 0, f"{kind} {fields[kind]}"
    assert set(fields["Uid"].split()) == {str(controller.unit.uid)} != {"0"}
    assert fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2"


def test_what_it_may_not_do_it_cannot(controller):
    unit = controller.unit
    directories = list(unit.directories())
    child = os.fork()
    if child == 0:
        unit.enter(directories)
        libc.chroot(b"/")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGSYS
    assert unit.can(lambda: open(f"{STATE}/written", "w").close()) and unit.can(lambda: socket.socket().close())
    assert not unit.can(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    assert not unit.can(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
    for path in ("/etc/farspan/written", "/var/lib/written", "/run/written"):
        assert not unit.can(lambda: open(path, "w")), path
    assert not unit.can(lambda: os.setuid(0))
    assert not unit.can(lambda: open("/etc/shadow").close())
