# SPDX-License-Identifier: Apache-2.0
"""Questions that take long: they keep nobody waiting, and end with who asked, with their time and with the program."""

import json
import signal
import socket
import subprocess
import threading
import time

from conftest import Controller


def offices(count):
    """So many offices on one gateway that to plan them takes a while."""
    documents = [
        {"kind": "Region", "name": "r"},
        {"kind": "Node", "name": "n", "spec": {"region": "r", "public_address": "203.0.113.1"}},
        {"kind": "Vpc", "name": "v", "spec": {"region": "r", "cidr_blocks": ["192.168.0.0/24"]}},
        {"kind": "VpnGateway", "name": "g", "spec": {"vpc": "v", "node": "n"}},
    ]
    for i in range(count):
        documents.append({"kind": "CustomerGateway", "name": f"p{i}", "spec": {"address": f"100.1.{i // 250}.{1 + i % 250}"}})
        documents.append({"kind": "IpsecConnection", "name": f"p{i}", "spec": {
            "vpn_gateway": "g", "customer_gateway": f"p{i}", "local_subnets": ["0.0.0.0/0"],
            "remote_subnets": [f"10.{i // 256}.{i % 256}.0/24"], "ike": {"psk": f"secret-{i}"}}})
    return json.dumps(documents)


def asking(controller, text, is_over):
    """Eight clients that plan `text` again and again."""
    def run():
        while not is_over.is_set():
            try:
                controller.request("POST", "/v1/plan", text)
            except OSError:  # the controller is gone
                return
    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    return threads


def test_plans_keep_neither_questions_nor_changes_waiting(controller):
    text = offices(2000)
    controller.apply(text)
    status, _ = controller.ask("POST", "/v1/plan", text)
    begun = time.monotonic()
    controller.ask("POST", "/v1/plan", text)
    one_plan = time.monotonic() - begun
    is_over = threading.Event()
    threads = asking(controller, text, is_over)
    try:
        time.sleep(one_plan)  # until all of them are at it
        slowest = 0
        for _ in range(20):
            begun = time.monotonic()
            controller.get("/v1/version")
            slowest = max(slowest, time.monotonic() - begun)
        assert slowest < 4 * one_plan, (slowest, one_plan)  # eight plans on four threads took longer, one behind the other
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def test_sigterm_waits_for_no_question(tmp_path):
    controller = Controller(tmp_path)
    controller.start()
    text = offices(4000)
    is_over = threading.Event()
    threads = asking(controller, text, is_over)
    time.sleep(0.3)  # some of them are being worked on
    begun = time.monotonic()
    assert controller.stop(signal.SIGTERM) == 0
    took = time.monotonic() - begun
    is_over.set()
    for thread in threads:
        thread.join()
    assert took < 2, took


def test_the_work_of_a_client_that_left_is_not_answered_and_the_next_one_is(controller):
    text = offices(500).encode()
    head = f"POST /v1/plan HTTP/1.1\r\nHost: farspan\r\nContent-Length: {len(text)}\r\n\r\n".encode()
    for _ in range(20):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(controller.socket)
            client.sendall(head + text)
    assert controller.get("/v1/version")["revision"] == 0


def test_a_client_that_has_said_all_it_will_say_still_gets_its_answer(controller):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(controller.socket)
        client.sendall(b"GET /v1/resources/Vpc HTTP/1.1\r\nHost: farspan\r\nConnection: close\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 200 "), answer


def test_the_socket_of_another_program_and_a_file_are_left_alone(controller, tmp_path):
    other = Controller(tmp_path / "other")
    (tmp_path / "other").mkdir()
    other.socket = controller.socket
    with open(other.log, "ab") as log:
        assert subprocess.run(other.arguments(), stdout=log, stderr=log, timeout=20).returncode == 1
    assert "another program listens" in other.log.read_text()
    assert controller.get("/v1/version")
    other.socket = str(tmp_path / "notes.txt")
    (tmp_path / "notes.txt").write_text("mine")
    with open(other.log, "ab") as log:
        assert subprocess.run(other.arguments(), stdout=log, stderr=log, timeout=20).returncode == 1
    assert (tmp_path / "notes.txt").read_text() == "mine"


def pages(controller, target, limit, between=lambda: None):
    """Every page of a list, as its answers come."""
    answer = controller.get(f"{target}?limit={limit}")
    yield answer
    while "continue" in answer:
        between()
        answer = controller.get(f"{target}?limit={limit}&continue={answer['continue']}")
        yield answer


def test_pages_hold_the_list_of_one_revision(controller):
    controller.apply(offices(25))
    whole = controller.get("/v1/resources/IpsecConnection")
    count = iter(range(1000, 2000))

    def change():
        i = next(count)
        controller.apply(json.dumps({"kind": "CustomerGateway", "name": f"a{i}", "spec": {"address": f"100.2.0.{i - 900}"}}))
        controller.ask("DELETE", f"/v1/resources/IpsecConnection/p{i - 1000}")

    read = list(pages(controller, "/v1/resources/IpsecConnection", 7, change))
    assert [len(page["items"]) for page in read] == [7, 7, 7, 4]
    assert {page["revision"] for page in read} == {whole["revision"]}
    assert [item["name"] for page in read for item in page["items"]] == [item["name"] for item in whole["items"]]


def test_pages_of_routes_are_the_table(controller):
    controller.apply(offices(25))
    whole = controller.get("/v1/vpcs/v/routes")["routes"]
    assert [route for page in pages(controller, "/v1/vpcs/v/routes", 10) for route in page["routes"]] == whole
    assert len(whole) == 25


def test_a_page_that_cannot_be_is_refused_by_name(controller):
    for query, field in (("limit=0", "limit"), ("limit=x", "limit"), ("continue=7", "continue"), ("continue=r9.x", "continue")):
        status, answer = controller.ask("GET", f"/v1/resources/Vpc?{query}")
        assert status in (400, 409) and answer["errors"][0]["field"] == field, answer
