# SPDX-License-Identifier: Apache-2.0
"""What docs/api.md promises, asked of the real program."""

import json
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import yaml

OFFICE_2 = """
kind: CustomerGateway
name: office-2
spec: {address: 198.51.100.2}
---
kind: IpsecConnection
name: office-2
spec:
  vpn_gateway: us-east
  customer_gateway: office-2
  local_subnets: [0.0.0.0/0]
  remote_subnets: [10.10.20.0/24]
  ike: {psk: a-secret-of-office-2}
"""


def actions(answer):
    return {change["action"] for change in answer["changes"]}


def test_apply_plan_and_apply_again(controller, network):
    status, plan = controller.ask("POST", "/v1/plan", network)
    assert status == 200 and plan["revision"] == 0 and actions(plan) == {"create"}
    assert controller.get("/v1/version")["revision"] == 0
    applied = controller.apply(network)
    assert applied["revision"] == 1
    assert applied["changes"] == plan["changes"] and applied["nodes"] == plan["nodes"]
    assert [node["node"] for node in applied["nodes"]] == ["us-east-node"]
    again = controller.apply(network)
    assert again["revision"] == 1 and actions(again) == {"unchanged"} and again["nodes"] == []


def test_one_bad_document_of_five_keeps_all_out(controller):
    documents = [
        {"kind": "Region", "name": "a", "spec": {}},
        {"kind": "Node", "name": "n", "spec": {"region": "a", "public_address": "192.0.2.1"}},
        {"kind": "Vpc", "name": "v", "spec": {"region": "a", "cidr_blocks": ["172.16.0.0/16"]}},
        {"kind": "VSwitch", "name": "s", "spec": {"vpc": "v", "cidr": "10.0.0.0/24"}},
        {"kind": "Cen", "name": "c", "spec": {}},
    ]
    status, answer = controller.ask("POST", "/v1/apply", json.dumps(documents))
    assert status == 400
    assert any(e["resource"] == "VSwitch s" and e["field"] and e["what"] and e["remedy"] for e in answer["errors"])
    assert controller.get("/v1/resources/Region")["items"] == []
    assert controller.get("/v1/version")["revision"] == 0


def test_all_faults_are_told_at_once(controller):
    text = "kind: Vpc\nname: v\nspec: {region: none, cidr_blocks: [300.0.0.0/8]}\n---\nkind: Vcp\nname: w\nspec: {}\n"
    status, answer = controller.ask("POST", "/v1/apply", text)
    assert status == 400
    assert len(answer["errors"]) >= 2
    assert all(set(error) == {"code", "resource", "field", "what", "remedy"} for error in answer["errors"])


def test_items_can_be_applied_as_they_come(controller, network):
    controller.apply(network)
    listed = controller.get("/v1/resources/ipsec-connections")
    assert listed["revision"] == 1 and len(listed["items"]) == 1
    item = listed["items"][0]
    assert item == controller.get("/v1/resources/IpsecConnection/office-1")
    assert item["number"] > 0 and item["revision"] == 1
    assert item["status"]["in_force"] is False
    assert "has not connected" in item["status"]["reason"]
    assert item["status"]["state"] == "unknown"
    del item["status"]
    assert actions(controller.apply(json.dumps(item))) == {"unchanged"}


def test_what_does_not_exist_is_named(controller, network):
    controller.apply(network)
    status, answer = controller.ask("GET", "/v1/resources/Vpc/none")
    assert (status, answer["errors"][0]["resource"]) == (404, "Vpc none")
    status, answer = controller.ask("GET", "/v1/resources/Vpcc")
    assert status == 404 and "Vpc" in answer["errors"][0]["remedy"]
    assert controller.ask("GET", "/v2/anything")[0] == 404
    status, text, headers = controller.request("PUT", "/v1/resources/Vpc/us-east")
    assert status == 405 and headers["Allow"] == "GET, HEAD, DELETE"
    status, answer = controller.ask("GET", "/v1/nodes?verbose=1")
    assert status == 400 and answer["errors"][0]["field"] == "verbose"
    assert controller.ask("GET", "/v1/vpcs/none/routes")[0] == 404
    assert controller.ask("POST", "/v1/nodes/none/enrolment")[0] == 404
    assert controller.ask("GET", "/v1/nodes?%zz=1")[0] == 400


def test_delete_is_whole_or_not_at_all(controller, network):
    controller.apply(network)
    status, answer = controller.ask("DELETE", "/v1/resources/Vpc/us-east")
    assert status == 409 and len(answer["errors"]) == 3  # its vSwitch, group and gateway
    assert all(error["resource"] == "Vpc us-east" and "in use" in error["what"] and "delete" in error["remedy"]
               for error in answer["errors"])
    names = "kind: IpsecConnection\nname: office-1\n---\nkind: IpsecConnection\nname: none\n"
    assert controller.ask("POST", "/v1/delete", names)[0] == 404
    assert controller.ask("GET", "/v1/resources/IpsecConnection/office-1")[0] == 200
    status, plan = controller.ask("POST", "/v1/plan-delete", network)
    assert status == 200 and actions(plan) == {"delete"}
    status, answer = controller.ask("POST", "/v1/delete", network)
    assert status == 200 and answer["revision"] == 2 and answer["nodes"][0]["removed"] > 0
    assert controller.get("/v1/resources/Node")["items"] == []


def test_what_was_answered_survives_kill_9(controller, network):
    controller.apply(network)
    before = controller.get("/v1/resources/IpsecConnection")
    device = controller.request("GET", "/v1/export/ipsec-connections/office-1")[1]
    revision = controller.apply(OFFICE_2)["revision"]
    controller.stop(signal.SIGKILL)
    controller.start()
    assert controller.get("/v1/version")["revision"] == revision
    after = controller.get("/v1/resources/IpsecConnection")
    assert after["items"][0] == before["items"][0]
    assert [item["name"] for item in after["items"]] == ["office-1", "office-2"]
    assert controller.request("GET", "/v1/export/ipsec-connections/office-1")[1] == device
    assert all(node["generation_wanted"] in (1, 2) for node in controller.get("/v1/nodes")["nodes"])


def test_a_key_is_shown_in_the_export_and_nowhere_else(controller, network):
    controller.apply(network)
    controller.apply(OFFICE_2)
    status, text, headers = controller.request("GET", "/v1/export/ipsec-connections/office-1?format=swanctl")
    assert status == 200 and headers["Content-Type"].startswith("text/plain")
    made = re.search(rb'secret = "([A-Za-z0-9]{24})"', text).group(1).decode()
    assert "a-secret-of-office-2" in controller.request("GET", "/v1/export/ipsec-connections/office-2")[1].decode()
    assert "a-secret-of-office-2" in json.dumps(controller.get("/v1/export/ipsec-connections/office-2?format=json"))
    answers = [
        controller.request("GET", target)[1].decode()
        for target in ["/v1/resources/IpsecConnection", "/v1/resources/IpsecConnection/office-2", "/v1/tunnels",
                       "/v1/nodes", "/v1/vpcs/us-east/routes", "/metrics", "/v1/openapi.json"]
    ]
    bad = OFFICE_2.replace("10.10.20.0/24", "10.10.10.0/24")
    status, refused = controller.ask("POST", "/v1/apply", bad)
    assert status == 400
    answers += [json.dumps(refused), json.dumps(controller.apply(OFFICE_2)), controller.log.read_text()]
    for answer in answers:
        assert made not in answer and "a-secret-of-office-2" not in answer


def test_the_watch_tells_what_was_and_what_comes(controller, network):
    controller.apply(network)
    lines = controller.watch("/v1/watch?revision=0")
    assert next(lines) == {"revision": 1, "heartbeat": True}
    first = [next(lines) for _ in yaml.safe_load_all(network)]
    assert first[0] == {"revision": 1, "action": "create", "kind": "Region", "name": "us-east"}
    controller.apply(OFFICE_2)
    assert next(lines) == {"revision": 2, "action": "create", "kind": "CustomerGateway", "name": "office-2"}
    assert next(lines)["name"] == "office-2"
    controller.ask("DELETE", "/v1/resources/IpsecConnection/office-2")
    assert next(lines) == {"revision": 3, "action": "delete", "kind": "IpsecConnection", "name": "office-2"}
    assert next(lines) == {"revision": 3, "heartbeat": True}
    from_now_on = controller.watch("/v1/watch")
    assert next(from_now_on) == {"revision": 3, "heartbeat": True}
    assert controller.ask("GET", "/v1/watch?revision=99")[0] == 409
    assert controller.ask("GET", "/v1/watch?revision=x")[0] == 400


def test_routes_and_reachability_explain_themselves(controller, network):
    controller.apply(network)
    answer = controller.get("/v1/vpcs/us-east/routes")
    by_destination = {route["destination"]: route for route in answer["routes"]}
    assert by_destination["172.16.1.0/24"]["origin"] == "system"
    assert by_destination["10.10.10.0/24"]["next_hop"] == "IpsecConnection office-1"
    assert answer["nodes"] == [{"node": "us-east-node", "in_force": False,
                                "reason": "node us-east-node has not connected since the controller started"}]
    answer = controller.get("/v1/reachability?from=10.10.10.10&to=app-us-east&protocol=tcp&port=80")
    assert answer["is_reachable"] is False and answer["reason"]
    status, answer = controller.ask("GET", "/v1/reachability?from=nobody&protocol=sctp")
    assert status == 400 and [error["field"] for error in answer["errors"]] == ["from", "to", "protocol"]
    assert controller.ask("GET", "/v1/reachability?from=nobody&to=app-us-east")[0] == 404


def test_tunnels_that_nobody_reports_are_unknown(controller, network):
    controller.apply(network)
    (tunnel,) = controller.get("/v1/tunnels")["tunnels"]
    assert tunnel["connection"] == "office-1" and tunnel["vpc"] == "us-east" and tunnel["kind"] == "office"
    assert tunnel["reported"] is False and tunnel["child_state"] == "unknown"
    assert tunnel["problem"]["words"] and tunnel["problem"]["remedy"]


def test_an_enrolment_bundle_is_whole(controller, network):
    controller.apply(network)
    status, bundle = controller.ask("POST", "/v1/nodes/us-east-node/enrolment")
    assert status == 200
    assert bundle["controller"] == controller.listen and len(bundle["token"]) == 64
    assert bundle["ca_certificate"] == (controller.state / "ca.crt").read_text()
    shown = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=bundle["ca_certificate"],
                           text=True, capture_output=True, check=True).stdout
    assert shown.strip().split("=")[1].replace(":", "").lower() == bundle["ca_fingerprint"]
    assert bundle["token"] not in controller.log.read_text()


def test_the_server_certificate_verifies_and_names_the_controller(controller):
    host, port = controller.listen.split(":")
    context = ssl.create_default_context(cafile=controller.state / "ca.crt")
    context.set_alpn_protocols(["h2"])
    with socket.create_connection((host, int(port))) as plain:
        with context.wrap_socket(plain, server_hostname="controller.farspan") as secure:
            assert secure.version() in ("TLSv1.2", "TLSv1.3")


def test_https_needs_a_token(controller):
    context = ssl.create_default_context(cafile=controller.state / "ca.crt")
    url = f"https://{controller.https}/v1/version"
    token = controller.make_token()

    def status(authorization):
        request = urllib.request.Request(url, headers={"Authorization": authorization} if authorization else {})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        try:
            with opener.open(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code

    assert status(f"Bearer {token}") == 200
    for wrong in (None, "Bearer", "Bearer x", f"Bearer {token}x", f"Bearer {token[:-1]}", f"Basic {token}"):
        assert status(wrong) == 401, wrong


def test_files_are_private(controller, network):
    controller.apply(network)
    controller.ask("POST", "/v1/nodes/us-east-node/enrolment")
    assert stat.S_IMODE(os.stat(controller.state).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(controller.socket).st_mode) == 0o600
    for path in controller.state.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_hostile_requests_are_bounded(controller):
    status, answer, _ = controller.request("POST", "/v1/apply", headers={"Content-Length": str(17 << 20)})
    assert status == 413 and b"16 MiB" in answer
    assert controller.request("GET", "/v1/version", headers={"X": "x" * 20000})[0] == 431
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(controller.socket)
        raw.sendall(b"\x16\x03\x01 not http\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
    for body in ("[" * 100_000, "a: &a [*a]", "kind: Vpc\nname: ../../etc\nspec: {}", "\x00\xff", "- - - -", "{"):
        status, answer = controller.ask("POST", "/v1/apply", body.encode("latin-1"))
        assert status == 400 and answer["errors"], body[:20]
    assert controller.ask("POST", "/v1/apply", "")[0] in (200, 400)
    assert controller.get("/v1/version")["revision"] == 0


def test_many_clients_at_once_do_not_lose_a_change(controller):
    from concurrent.futures import ThreadPoolExecutor

    def declare(i):
        return controller.apply(f"kind: Region\nname: region-{i}\nspec: {{}}\n")["revision"]

    with ThreadPoolExecutor(16) as pool:
        revisions = list(pool.map(declare, range(64)))
    assert sorted(revisions) == list(range(1, 65))
    items = controller.get("/v1/resources/Region")["items"]
    assert len(items) == 64 and len({item["number"] for item in items}) == 64


def test_a_second_controller_on_the_same_directory_is_refused(controller):
    again = subprocess.run(controller.arguments(), capture_output=True, text=True, timeout=20)
    assert again.returncode != 0 and "another process has it open" in again.stdout + again.stderr
    assert controller.get("/v1/version")["api"] == "v1"


def test_openapi_describes_what_there_is(controller):
    described = controller.get("/v1/openapi.json")
    documented = Path(__file__).parents[2].joinpath("docs/api.md").read_text()
    for path, methods in described["paths"].items():
        assert re.sub(r"\{\w+\}", "{", path).split("{")[0].rstrip("/") in documented, path
        for method in methods:
            real = re.sub(r"\{\w+\}", "x", path)
            if path == "/v1/watch":
                continue
            status, text, headers = controller.request(method.upper(), real)
            assert status != 405, (method, path)
    assert "IpsecConnection" in described["components"]["schemas"]


def test_sigterm_ends_it_cleanly_even_with_a_watcher(controller):
    lines = controller.watch("/v1/watch")
    next(lines)
    assert controller.stop() == 0
    assert not os.path.exists(controller.socket)
