# SPDX-License-Identifier: Apache-2.0
"""Clients that are hostile, clumsy or merely old, against the real program: what it takes from them is bounded."""

import json
import os
import socket
import ssl
import time
from pathlib import Path

import pytest
from conftest import Controller


def raw(path, data, timeout=10):
    """What comes back for these bytes until the server closes."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(timeout)
        client.connect(path)
        client.sendall(data)
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
    return answer


def request(method, target, *fields, version="HTTP/1.1", host="Host: farspan"):
    lines = [f"{method} {target} {version}", *([host] if host else []), "Connection: close", *fields, "", ""]
    return "\r\n".join(lines).encode()


def header_of(answer):
    return answer.split(b"\r\n\r\n", 1)[0]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    controller = Controller(tmp_path_factory.mktemp("hostile"))
    controller.start()
    controller.apply((Path(__file__).parent / "network.yaml").read_text())
    yield controller
    assert controller.stop() == 0


@pytest.mark.parametrize("target", ["/v1/version", "/v1/resources/Vpc", "/v1/resources/Vpc/none"])
def test_head_answers_as_get_without_a_body(shared, target):
    head, body = raw(shared.socket, request("HEAD", target)).split(b"\r\n\r\n", 1)
    assert body == b"" and head == header_of(raw(shared.socket, request("GET", target)))


@pytest.mark.parametrize("target, status, field", [
    ("/v1/watch", 200, None), ("/nowhere", 404, None), ("/v1/apply", 405, None), ("/v1/version", 413, "Content-Length: 100000000"),
])
def test_head_never_has_a_body(shared, target, status, field):
    answer = raw(shared.socket, request("HEAD", target, *([field] if field else [])))
    assert answer.split()[1] == str(status).encode() and answer.endswith(b"\r\n\r\n"), answer


def test_head_of_a_watch_from_a_revision_that_is_not_kept_is_refused_as_its_get(shared):
    target = "/v1/watch?revision=999999"
    head, body = raw(shared.socket, request("HEAD", target)).split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 409") and body == b"" and head == header_of(raw(shared.socket, request("GET", target)))


def test_405_names_what_is_possible(shared):
    for method in ("PUT", "PATCH", "OPTIONS", "TRACE", "FOO"):
        answer = raw(shared.socket, request(method, "/v1/resources/Vpc/us-east"))
        assert answer.startswith(b"HTTP/1.1 405") and b"Allow: GET, HEAD, DELETE" in answer, answer


@pytest.mark.parametrize("data, status, words", [
    (request("GET", "/v1/version", host=None), 400, b"no Host"),
    (request("GET", "/v1/version", "Host: another"), 400, b"several"),
    (request("GET", "/v1/version", host=None, version="HTTP/1.0"), 200, b"revision"),
    (request("GET", "http://farspan/v1/version"), 200, b"revision"),
    (request("GET", "/v1/watch", version="HTTP/1.0"), 505, b"HTTP/1.1"),
    (request("GET", "/v1/reachability?from=10.10.10.1&from=10.10.10.2&to=172.16.1.10"), 400, b"given twice"),
    (request("GET", "/v1/version", "X: " + "a" * 20_000), 431, b"16 KiB"),
    (request("POST", "/v1/apply", "Content-Length: -1"), 400, b"Content-Length"),
    (request("POST", "/v1/apply", "Content-Length: 1", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400, b"Transfer-Encoding"),
    (request("POST", "/v1/apply", "Transfer-Encoding: chunked") + b"ffffffffffffffff\r\n", 413, b"16 MiB"),
    (request("POST", "/v1/apply", "Content-Length: 104857600"), 413, b"16 MiB"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 200, 400, b"not HTTP"),
], ids=lambda value: None if isinstance(value, bytes) else str(value))
def test_odd_requests_get_an_answer_that_says_why(shared, data, status, words):
    answer = raw(shared.socket, data)
    assert answer.startswith(b"HTTP/1.") and answer.split()[1] == str(status).encode() and words in answer, answer


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n---\n", "[]", "null", "[null]"])
@pytest.mark.parametrize("where", ["apply", "plan", "delete", "plan-delete"])
def test_nothing_is_refused_as_nothing(shared, text, where):
    status, answer = shared.ask("POST", f"/v1/{where}", text)
    assert status == 400 and answer["errors"][0]["what"] == "there is nothing in it", answer


def test_a_change_for_another_revision_is_refused(shared):
    region = json.dumps({"kind": "Region", "name": "later", "spec": {}})
    now = shared.get("/v1/version")["revision"]
    for where in (f"/v1/apply?revision={now + 1}", f"/v1/apply?revision={now - 1}", f"/v1/delete?revision={now - 1}"):
        status, answer = shared.ask("POST", where, region if "apply" in where else '{"kind": "Region", "name": "shanghai"}')
        assert status == 409 and f"the latest, which is {now}" in answer["errors"][0]["what"], answer
    assert shared.ask("POST", "/v1/apply?revision=x", region)[1]["errors"][0]["field"] == "revision"
    assert shared.get("/v1/version")["revision"] == now
    status, answer = shared.ask("POST", f"/v1/apply?revision={now}", region)
    assert status == 200 and answer["revision"] == now + 1


def test_one_resource_is_deleted_for_the_revision_that_was_seen(shared):
    shared.apply("kind: Region\nname: short-lived\nspec: {}\n")
    now = shared.get("/v1/version")["revision"]
    assert shared.ask("DELETE", f"/v1/resources/Region/short-lived?revision={now - 1}")[0] == 409
    assert shared.ask("DELETE", f"/v1/resources/Region/short-lived?revision={now}")[0] == 200


def test_of_many_who_saw_one_revision_one_wins(shared):
    now = shared.get("/v1/version")["revision"]
    clients = []
    for i in range(20):
        body = json.dumps({"kind": "Region", "name": f"race-{i}", "spec": {}}).encode()
        client = socket.socket(socket.AF_UNIX)
        client.connect(shared.socket)
        client.sendall(request("POST", f"/v1/apply?revision={now}", f"Content-Length: {len(body)}") + body)
        clients.append(client)
    statuses = sorted(client.recv(65536).split()[1] for client in clients)
    for client in clients:
        client.close()
    assert statuses == [b"200"] + [b"409"] * 19
    assert shared.get("/v1/version")["revision"] == now + 1


def cpu_seconds(process):
    fields = open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connected(address, count):
    host, port = address.rsplit(":", 1)
    clients = []
    for _ in range(count):
        client = socket.create_connection((host, int(port)), timeout=5)
        clients.append(client)
    return clients


class FewDescriptors(Controller):
    def arguments(self):
        return ["prlimit", "--nofile=120:120", *super().arguments()]


def test_whoever_takes_all_of_https_takes_nothing_from_the_socket(tmp_path):
    controller = FewDescriptors(tmp_path)
    controller.start()
    try:
        clients = connected(controller.https, 200)
        before, begun = cpu_seconds(controller.process), time.monotonic()
        for _ in range(20):
            assert controller.get("/v1/version")["revision"] == 0
        while time.monotonic() - begun < 2:  # time for a loop that spins to show
            controller.get("/v1/version")
            time.sleep(0.1)
        assert cpu_seconds(controller.process) - before < 1
        assert len(os.listdir(f"/proc/{controller.process.pid}/fd")) < 80
        for client in clients:
            client.close()
    finally:
        assert controller.stop() == 0


def test_silent_connections_do_not_lock_operators_out_of_https(tmp_path):
    controller = FewDescriptors(tmp_path)
    controller.start()
    context = ssl.create_default_context(cafile=controller.state / "ca.crt")
    token = controller.make_token()
    host, port = controller.https.rsplit(":", 1)

    def operator():
        client = context.wrap_socket(socket.create_connection((host, int(port)), timeout=5), server_hostname=host)
        ask(client)
        return client

    def ask(client):
        client.sendall(f"GET /v1/version HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        assert client.recv(65536).startswith(b"HTTP/1.1 200")

    try:
        first = operator()
        silent = connected(controller.https, 60)  # of 30 seats
        second = operator()
        ask(first)  # whoever has shown the token keeps its seat
        assert silent[0].recv(1) == b"", "the oldest of the others was closed"
        assert len(os.listdir(f"/proc/{controller.process.pid}/fd")) < 80
        for client in (first, second, *silent):
            client.close()
    finally:
        assert controller.stop() == 0


def test_out_of_descriptors_it_waits_and_comes_back(tmp_path):
    controller = FewDescriptors(tmp_path)
    controller.start()
    try:
        clients = connected(controller.listen, 150)  # the nodes' port: these never say a word
        begun, before = time.monotonic(), cpu_seconds(controller.process)
        assert controller.request("GET", "/v1/version")[0] == 200  # as soon as the silent ones are let go
        assert time.monotonic() - begun < 19 and cpu_seconds(controller.process) - before < 2
        for client in clients:
            client.close()
    finally:
        assert controller.stop() == 0


def test_slow_clients_are_let_go(shared):
    host, port = shared.https.rsplit(":", 1)
    silent = socket.create_connection((host, int(port)))  # no TLS handshake
    context = ssl.create_default_context(cafile=str(shared.state / "ca.crt"))
    unsaid = context.wrap_socket(socket.create_connection((host, int(port))), server_hostname="controller.farspan")
    drip = socket.socket(socket.AF_UNIX)  # a header that never ends
    drip.connect(shared.socket)
    drip.sendall(b"GET /v1/version HTTP/1.1\r\n")
    begun, closed = time.monotonic(), {}
    for client in (silent, unsaid, drip):
        client.settimeout(0.1)
    while len(closed) < 3 and time.monotonic() - begun < 60:
        for name, client in (("silent", silent), ("unsaid", unsaid), ("drip", drip)):
            if name in closed:
                continue
            try:
                if name == "drip":
                    client.sendall(b"X")
                if client.recv(1) == b"":
                    closed[name] = time.monotonic() - begun
            except TimeoutError:
                pass
            except OSError:
                closed[name] = time.monotonic() - begun
    assert set(closed) == {"silent", "unsaid", "drip"}, closed
    assert closed["silent"] < 15 and 20 < closed["drip"] < 40 and closed["unsaid"] < 40, closed
    assert shared.get("/v1/version")
