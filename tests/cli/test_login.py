"""A controller on another machine: HTTPS, trusted by its authority's fingerprint, with a token."""

import json
import os
import pty
import socket
import stat
import subprocess
import time

import pytest

from test_cli import CONTROLLER, FARSPAN, free_port


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """A controller with HTTPS: its URL, its local socket and its directory, with an admin's token."""
    place = tmp_path_factory.mktemp("remote")
    address, api = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    process = subprocess.Popen([CONTROLLER, "--state-dir", place / "state", "--listen", address, "--advertise", address,
                                "--api-socket", place / "api.sock", "--api-listen", api],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while farspan(place, "version", "--controller", str(place / "api.sock")).returncode != 0:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    out(place, "token", "create", "ann", "--role", "admin", "-f", str(place / "token"), "--controller", str(place / "api.sock"))
    yield f"https://{api}", str(place / "api.sock"), place
    process.terminate()
    process.wait(timeout=20)


def environment(home):
    return {**{k: v for k, v in os.environ.items() if k not in ("FARSPAN_CONTROLLER", "XDG_CONFIG_HOME")}, "HOME": str(home)}


def farspan(home, *words, stdin=""):
    return subprocess.run([FARSPAN, *words], input=stdin, capture_output=True, text=True, timeout=60, env=environment(home))


def out(home, *words, stdin=""):
    done = farspan(home, *words, stdin=stdin)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def log_in(home, remote, *words):
    url, local, place = remote
    fingerprint = out(home, "ca", "--controller", local).strip()
    return farspan(home, "login", url, "--ca-fingerprint", fingerprint, "--token-file", str(place / "token"), *words)


def test_after_login_every_command_goes_there(remote, tmp_path):
    url, local, _ = remote
    assert "context 127.0.0.1" in log_in(tmp_path, remote).stdout
    assert json.loads(out(tmp_path, "version", "-o", "json")) == json.loads(out(tmp_path, "version", "-o", "json", "--controller", local))
    applied = json.loads(out(tmp_path, "apply", "-f", "-", "-o", "json", stdin="kind: Region\nname: far\nspec: {}\n"))
    assert applied["changes"][0]["name"] == "far"
    assert "far" in out(tmp_path, "get", "region", "--controller", url)  # by URL, by name, by nothing
    assert "far" in out(tmp_path, "get", "region", "--controller", "127.0.0.1")
    listed = json.loads(out(tmp_path, "context", "list", "-o", "json"))["contexts"]
    assert listed == [{"name": "127.0.0.1", "url": url, "is_current": True}]


def test_the_token_is_kept_for_its_owner_alone_and_never_shown(remote, tmp_path):
    log_in(tmp_path, remote, "--name", "far")
    kept = tmp_path / ".config/farspan/contexts.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    token = (remote[2] / "token").read_text().strip()
    assert token in kept.read_text()
    for words in (["context", "list"], ["context", "list", "-o", "json"], ["version"], ["ca", "-o", "json"]):
        done = farspan(tmp_path, *words)
        assert token not in done.stdout + done.stderr
    kept.chmod(0o644)
    refused = farspan(tmp_path, "version")
    assert refused.returncode == 1 and "others may read it" in refused.stderr and "chmod 600" in refused.stderr


def test_an_authority_that_was_not_named_is_not_trusted(remote, tmp_path):
    url, _, place = remote
    wrong = farspan(tmp_path, "login", url, "--ca-fingerprint", "ab" * 32, "--token-file", str(place / "token"))
    assert wrong.returncode == 1 and "is not of any certificate" in wrong.stderr and "farspan ca" in wrong.stderr
    silent = farspan(tmp_path, "login", url, "--token-file", str(place / "token"))
    assert silent.returncode == 1 and "--ca-fingerprint" in silent.stderr
    assert not (tmp_path / ".config/farspan/contexts.json").exists()


def test_a_controller_under_a_name_its_certificate_lacks_is_not_trusted(remote, tmp_path):
    url, _, place = remote
    with socket.create_server(("127.0.0.2", 0)) as listener:  # hands the same TLS on, as somebody in between would
        process = subprocess.Popen(["socat", f"TCP-LISTEN:{listener.getsockname()[1]},bind=127.0.0.3,fork,reuseaddr",
                                    f"TCP:{url.removeprefix('https://')}"])
        other = f"https://127.0.0.3:{listener.getsockname()[1]}"
        deadline = time.monotonic() + 20
        while True:
            refused = farspan(tmp_path, "login", other, "--ca", str(place / "state/ca.crt"), "--token-file", str(place / "token"))
            if "refused" not in refused.stderr.lower():
                break
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.terminate()
        process.wait(timeout=20)
    assert refused.returncode == 4 and f"{other} is not trusted" in refused.stderr, refused.stderr
    assert not (tmp_path / ".config/farspan/contexts.json").exists()


def test_a_wrong_token_is_told_before_anything_is_kept(remote, tmp_path):
    url, _, place = remote
    refused = farspan(tmp_path, "login", url, "--ca", str(place / "state/ca.crt"), "--token-file", "-", stdin="x" * 40)
    assert refused.returncode == 1 and "token" in refused.stderr and "x" * 40 not in refused.stderr
    assert not (tmp_path / ".config/farspan/contexts.json").exists()


def test_contexts_are_used_and_forgotten_by_name(remote, tmp_path):
    log_in(tmp_path, remote, "--name", "far")
    out(tmp_path, "context", "use", "local")
    assert farspan(tmp_path, "version").returncode in (0, 4)  # what is on this machine, if anything is
    unknown = farspan(tmp_path, "context", "use", "near")
    assert unknown.returncode == 3 and "no context near" in unknown.stderr
    out(tmp_path, "context", "use", "far")
    assert "revision" in out(tmp_path, "version")
    out(tmp_path, "context", "remove", "far")
    gone = farspan(tmp_path, "version", "--controller", remote[0])
    assert gone.returncode == 3 and f"farspan login {remote[0]}" in gone.stderr


def test_on_a_terminal_the_fingerprint_is_shown_and_asked_for(remote, tmp_path):
    url, local, place = remote
    fingerprint = out(tmp_path, "ca", "--controller", local).strip()
    master, slave = pty.openpty()
    process = subprocess.Popen([FARSPAN, "login", url, "--token-file", str(place / "token")], stdin=slave, stdout=slave,
                               stderr=slave, env=environment(tmp_path))
    os.close(slave)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(master, 65536)
    assert fingerprint in shown.decode()
    os.write(master, b"y\n")
    assert process.wait(timeout=30) == 0
    os.close(master)
    assert "revision" in out(tmp_path, "version")


def test_a_stream_ends_with_its_reason_over_https_too(remote, tmp_path):
    log_in(tmp_path, remote)
    gone = farspan(tmp_path, "watch", "--revision", "999999")
    assert gone.returncode == 1 and "error:" in gone.stderr
