# SPDX-License-Identifier: Apache-2.0
"""The state directory and the clock of the real program: what is wrong with them is said and mended, or refused."""

import os
import ssl
import stat
import subprocess
import time

import pytest
from conftest import Controller
from cryptography import x509
from node_client import Machine, Session

NODE = "us-east-node"
FAKE_TIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


class WithClock(Controller):
    """A controller whose clock is `offset` ahead ("-2h", "+2d", …), which may change while it runs."""

    def __init__(self, directory, offset):
        super().__init__(directory)
        self.clock = directory / "clock"
        self.set_clock(offset)

    def set_clock(self, offset):
        draft = self.clock.with_suffix(".new")
        draft.write_text(offset + "\n")
        draft.rename(self.clock)

    def arguments(self):
        return ["env", f"LD_PRELOAD={FAKE_TIME}", f"FAKETIME_TIMESTAMP_FILE={self.clock}", "FAKETIME_NO_CACHE=1",
                "DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", *super().arguments()]


def ca_of(controller):
    return x509.load_pem_x509_certificate((controller.state / "ca.crt").read_bytes())


def works_for_nodes(controller):
    session = Session(Machine(controller, NODE).channel())
    try:
        return session.next()
    finally:
        session.close()


def waited_for(condition, patience=60):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            if condition():
                return True
        except (OSError, AssertionError):
            pass
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("offset", ["-56y", "+30y"])
def test_a_first_start_under_a_wrong_clock_is_mended_at_the_next(tmp_path, network, offset):
    wrong = WithClock(tmp_path, offset)
    wrong.start()
    wrong.apply(network)
    before = ca_of(wrong)
    assert wrong.stop() == 0
    controller = Controller(tmp_path)
    controller.start()
    try:
        now = ca_of(controller)
        assert now.public_key().public_numbers() == before.public_key().public_numbers(), "the same CA"
        assert "a clock was wrong when it was made" in controller.log.read_text()
        assert works_for_nodes(controller)
        context = ssl.create_default_context(cafile=controller.state / "ca.crt")
        host, port = controller.https.rsplit(":", 1)
        import socket
        context.wrap_socket(socket.create_connection((host, int(port)), timeout=5), server_hostname=host).close()
    finally:
        assert controller.stop() == 0


def test_a_clock_that_is_set_while_it_runs_is_noticed(tmp_path, network):
    controller = WithClock(tmp_path, "-56y")
    controller.start()
    try:
        controller.apply(network)
        controller.set_clock("+0")
        assert waited_for(lambda: "certificates are made anew" in controller.log.read_text())
        assert waited_for(lambda: controller.get("/v1/version"))
        assert works_for_nodes(controller)
    finally:
        assert controller.stop() == 0


def test_a_clock_that_was_lost_throws_no_ca_away(tmp_path, network):
    controller = Controller(tmp_path)
    controller.start()
    controller.apply(network)
    before = ca_of(controller)
    controller.stop()
    lost = WithClock(tmp_path, "-56y")
    lost.start()
    assert lost.stop() == 0
    assert ca_of(lost) == before
    assert "set it; until then nobody can connect" in lost.log.read_text()


def test_what_others_could_read_is_taken_from_them_and_said(tmp_path):
    controller = Controller(tmp_path)
    controller.start()
    controller.stop()
    controller.state.chmod(0o777)
    (controller.state / "ca.key").chmod(0o666)
    (controller.state / "ca.crt").chmod(0o640)
    controller.start()
    assert controller.stop() == 0
    modes = {name: stat.S_IMODE(os.stat(controller.state / name).st_mode) for name in ("", "ca.key", "ca.crt")}
    assert modes == {"": 0o700, "ca.key": 0o600, "ca.crt": 0o600}
    assert controller.log.read_text().count("could be read or written by others") == 3


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b""), lambda path: path.unlink()], ids=["emptied", "removed"])
def test_a_store_that_was_lost_beside_its_ca_is_no_new_network(tmp_path, network, damage):
    controller = Controller(tmp_path)
    controller.start()
    controller.apply(network)
    controller.stop()
    for more in controller.state.glob("store.db-*"):
        more.unlink()
    damage(controller.state / "store.db")
    run = subprocess.run(controller.arguments(), capture_output=True, text=True, timeout=20)
    assert run.returncode == 1 and "restore it from a backup" in run.stdout + run.stderr
    for name in ("ca.key", "ca.crt"):
        (controller.state / name).unlink()
    controller.start()
    assert controller.get("/v1/version")["revision"] == 0
    assert controller.stop() == 0


class OnASmallDisk(Controller):
    def arguments(self):
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                f"mkdir -p {self.state} && mount -t tmpfs -o size=2m,mode=700 tmpfs {self.state} && exec \"$@\"", "sh", *super().arguments()]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_an_enrolment_on_a_full_disk_says_so(tmp_path, network):
    controller = OnASmallDisk(tmp_path)
    controller.start()
    try:
        controller.apply(network)
        inside = f"/proc/{controller.process.pid}/root{controller.state}"
        with open(f"{inside}/filler", "wb", buffering=0) as filler:
            try:
                while filler.write(bytes(4096)):
                    pass
            except OSError:
                pass
        status, answer = controller.ask("POST", f"/v1/nodes/{NODE}/enrolment")
        assert status >= 400 and "make room on the disk" in answer["errors"][0]["remedy"], answer
        os.unlink(f"{inside}/filler")
        assert controller.ask("POST", f"/v1/nodes/{NODE}/enrolment")[0] == 200
    finally:
        assert controller.stop() == 0
