# SPDX-License-Identifier: Apache-2.0
"""What the tests of units share: a machine of their own, its API, other users, and waiting."""

import http.client
import json
import os
import socket
import subprocess
import time
from pathlib import Path

from sandbox import Unit

BIN = os.environ.get("FARSPAN_BIN", str(Path(__file__).parents[2] / "build/release/bin"))
API = "/run/farspan-controller/api.sock"
MS_BIND, MS_REC, MS_PRIVATE, MS_SHARED = 0x1000, 0x4000, 1 << 18, 1 << 20


def run(*words):
    subprocess.run(words, check=True, capture_output=True)


def wait_for(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while True:
        try:
            answer = condition()
        except OSError as error:
            answer, last = None, error
        else:
            last = answer
        if answer:
            return answer
        assert time.monotonic() < end, f"{what}: {last!r}"
        time.sleep(0.05)


def ask(method, target, body=None):
    """(status, answer)"""
    class Connection(http.client.HTTPConnection):
        def connect(self):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(API)

    connection = Connection("farspan", timeout=10)
    connection.request(method, target, body=body)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def own_machine(directory, accounts, propagation):
    """/run, /var/lib and /etc of this test's own."""
    assert os.environ.get("FARSPAN_OWN_NAMESPACE") == "1", "it mounts over /run and /etc: run it by ctest"
    mount = Unit.mount
    mount(None, "/", None, MS_REC | propagation)
    etc = directory / "etc"
    etc.mkdir()
    mount("tmpfs", str(etc), "tmpfs", 0, "mode=755")
    run("cp", "-a", "/etc/.", str(etc))
    accounts.files(etc)
    (etc / "farspan").mkdir(exist_ok=True)
    mount(str(etc), "/etc", None, MS_BIND)
    for path in ("/run", "/var/lib"):
        mount("tmpfs", path, "tmpfs", 0, "mode=755")
    run("ip", "link", "set", "lo", "up")


def status_of(process):
    """The fields of /proc/PID/status."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def connect(path, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_UNIX, kind) as one:
        one.connect(path)


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
