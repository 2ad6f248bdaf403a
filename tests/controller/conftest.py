# SPDX-License-Identifier: Apache-2.0
"""A real farspan-controller for each test, in a directory of its own, driven through its Unix socket."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

PROGRAM = os.environ.get("FARSPAN_CONTROLLER", "build/release/bin/farspan-controller")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=20):
        super().__init__("farspan", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Controller:
    def __init__(self, directory: Path):
        self.state = directory / "state"
        self.socket = str(directory / "api.sock")
        self.log = directory / "log"
        self.listen = f"127.0.0.1:{free_port()}"
        self.https = f"127.0.0.1:{free_port()}"
        self.process = None

    def arguments(self):
        return [PROGRAM, "--state-dir", str(self.state), "--listen", self.listen, "--advertise", self.listen,
                "--api-socket", self.socket, "--api-listen", self.https]

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.arguments(), stdout=log, stderr=log)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            try:
                return self.get("/v1/version")
            except OSError:  # not listening yet
                time.sleep(0.02)
        raise AssertionError("the controller does not answer: " + self.log.read_text())

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return None
        self.process.send_signal(how)
        code = self.process.wait(timeout=20)
        self.process = None
        return code

    def request(self, method, target, body=None, headers=None):
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, target, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def ask(self, method, target, body=None):
        status, text, _ = self.request(method, target, body)
        return status, json.loads(text)

    def get(self, target):
        status, answer = self.ask("GET", target)
        assert status == 200, answer
        return answer

    def make_token(self, name="tester", role="admin"):
        """The secret of a new token."""
        status, answer = self.ask("POST", f"/v1/tokens?name={name}&role={role}")
        assert status == 200, answer
        return answer["token"]

    def apply(self, text):
        status, answer = self.ask("POST", "/v1/apply", text)
        assert status == 200, answer
        return answer

    def watch(self, target):
        """The lines of a watch, as they come."""
        connection = UnixConnection(self.socket)
        connection.request("GET", target)
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.getheader("Transfer-Encoding") == "chunked"
        while line := answer.readline():
            yield json.loads(line)


@pytest.fixture
def controller(tmp_path):
    one = Controller(tmp_path)
    one.start()
    yield one
    if one.process is not None:
        assert one.stop() == 0, one.log.read_text()


@pytest.fixture
def network():
    return (Path(__file__).parent / "network.yaml").read_text()
