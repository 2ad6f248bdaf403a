# SPDX-License-Identifier: Apache-2.0
"""Who may do what, and who did: tokens, roles and the audit of the real controller."""

import http.client
import json
import os
import pwd
import re
import sqlite3
import ssl
import threading
import time

import pytest
from conftest import Controller

LOCAL = f"{pwd.getpwuid(os.getuid()).pw_name} (uid {os.getuid()})"


def over_https(controller, token, method, target, body=None):
    context = ssl.create_default_context(cafile=controller.state / "ca.crt")
    host, port = controller.https.rsplit(":", 1)
    connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=20)
    try:
        connection.request(method, target, body=body, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if answer.getheader("Content-Type") == "application/json" else text
    finally:
        connection.close()


def audit(controller, query=""):
    return controller.get("/v1/audit" + query)["rows"]


# The least role that each operation wants, written down once more: a new operation must be put here.
WANTED = {
    "viewer": {"GET /v1/resources/{kind}", "GET /v1/resources/{kind}/{name}", "GET /v1/vpcs/{name}/routes", "GET /v1/tunnels",
               "GET /v1/nodes", "GET /v1/flows", "GET /v1/reachability", "GET /v1/watch", "GET /v1/ca", "GET /v1/version", "GET /v1/whoami",
               "GET /v1/openapi.json", "GET /metrics"},
    "operator": {"POST /v1/apply", "POST /v1/plan", "POST /v1/resources/{kind}/{name}/rename", "POST /v1/delete", "POST /v1/plan-delete", "DELETE /v1/resources/{kind}/{name}",
                 "GET /v1/export/ipsec-connections/{name}"},
    "admin": {"POST /v1/nodes/{name}/enrolment", "POST /v1/nodes/{name}/revocation", "GET /v1/audit", "GET /v1/tokens",
              "POST /v1/tokens", "DELETE /v1/tokens/{name}"},
}
ROLES = list(WANTED)


def test_every_operation_is_for_its_role_and_those_above(controller):
    described = controller.get("/v1/openapi.json")["paths"]
    operations = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    assert operations == set().union(*WANTED.values())
    tokens = {role: controller.make_token(role, role) for role in ROLES}
    for wanted, names in WANTED.items():
        for operation in names:
            method, path = operation.split()
            assert described[path][method.lower()]["x-farspan-role"] == wanted
            if path == "/v1/watch":
                path += "?revision=999999"  # refused as a watch, and not by role
            target = re.sub(r"\{\w+\}", "none", path)
            for role in ROLES:
                status, answer = over_https(controller, tokens[role], method, target)
                is_denied = status == 403
                assert is_denied == (ROLES.index(role) < ROLES.index(wanted)), (operation, role, status, answer)
                if is_denied:
                    (error,) = answer["errors"]
                    assert error["code"] == "denied" and error["field"] == "role" and wanted in error["remedy"]
    assert controller.get("/v1/version")["revision"] == 0


def test_a_token_says_who_asks_and_the_socket_is_the_local_admin(controller):
    who = controller.get("/v1/whoami")
    assert who == {"name": LOCAL, "from": "the Unix socket", "role": "admin"}
    token = controller.make_token("ci", "viewer")
    status, who = over_https(controller, token, "GET", "/v1/whoami")
    assert (status, who) == (200, {"name": "token ci", "from": "127.0.0.1", "role": "viewer"})


def test_a_token_that_is_taken_back_is_worth_nothing_at_once(controller):
    token = controller.make_token("ci", "operator")
    context = ssl.create_default_context(cafile=controller.state / "ca.crt")
    host, port = controller.https.rsplit(":", 1)
    standing = http.client.HTTPSConnection(host, int(port), context=context, timeout=20)

    def ask():
        standing.request("GET", "/v1/version", headers={"Authorization": f"Bearer {token}"})
        answer = standing.getresponse()
        answer.read()
        return answer.status

    watching = http.client.HTTPSConnection(host, int(port), context=context, timeout=20)
    watching.request("GET", "/v1/watch", headers={"Authorization": f"Bearer {token}"})
    stream = watching.getresponse()
    assert json.loads(stream.readline())["heartbeat"]
    assert ask() == 200
    began = time.monotonic()
    assert controller.ask("DELETE", "/v1/tokens/ci")[0] == 200
    assert ask() == 401, "on a connection that was open"
    with pytest.raises(http.client.IncompleteRead) as cut:
        stream.read()
    assert cut.value.partial == b"" and time.monotonic() - began < 4, "a watch ends, and not with its next heartbeat"
    assert controller.ask("DELETE", "/v1/tokens/ci")[0] == 404
    assert controller.stop() == 0
    controller.start()
    assert over_https(controller, token, "GET", "/v1/version")[0] == 401


def test_a_token_ends_when_it_says(controller):
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    status, made = controller.ask("POST", f"/v1/tokens?name=short&role=viewer&expires_at={at}")
    assert status == 200 and made["expires_at"].startswith(at[:-1])
    assert over_https(controller, made["token"], "GET", "/v1/version")[0] == 200
    deadline = time.monotonic() + 20
    while over_https(controller, made["token"], "GET", "/v1/version")[0] != 401:
        assert time.monotonic() < deadline
    past = controller.ask("POST", "/v1/tokens?name=past&role=viewer&expires_at=2020-01-01")
    assert past[0] == 400 and past[1]["errors"][0]["field"] == "expires_at"


def test_the_store_knows_no_secret_of_a_token(controller, network):
    token = controller.make_token("ci", "operator")
    controller.apply(network)
    assert controller.ask("POST", "/v1/tokens?name=ci&role=viewer")[0] == 409
    for wrong in ("name=UP&role=viewer", "name=a%2Fb&role=viewer", "name=a&role=root", "role=viewer", "name=a"):
        assert controller.ask("POST", "/v1/tokens?" + wrong)[0] == 400, wrong
    listed = controller.get("/v1/tokens")["tokens"]
    assert [(row["name"], row["role"], row["created_by"], row["expires_at"]) for row in listed] == [("ci", "operator", LOCAL, None)]
    assert token not in json.dumps(listed) + json.dumps(audit(controller)) + controller.log.read_text()
    assert controller.stop() == 0
    for file in controller.state.rglob("*"):
        assert not file.is_file() or token.encode() not in file.read_bytes(), file
    controller.start()
    assert over_https(controller, token, "GET", "/v1/version")[0] == 200


def test_the_token_of_before_is_taken_over_by_name(tmp_path):
    controller = Controller(tmp_path)
    controller.state.mkdir(mode=0o700)
    old = controller.state / "api-token"
    old.write_text("5" * 64 + "\n")
    controller.start()
    try:
        assert not old.exists()
        assert over_https(controller, "5" * 64, "GET", "/v1/whoami")[1]["name"] == "token api-token"
        assert controller.ask("DELETE", "/v1/tokens/api-token")[0] == 200
        assert over_https(controller, "5" * 64, "GET", "/v1/whoami")[0] == 401
    finally:
        assert controller.stop() == 0


def test_each_change_is_told_field_by_field(controller, network):
    token = controller.make_token("ci", "operator")
    controller.apply(network)
    change = "kind: CustomerGateway\nname: office-1\ndescription: moved\nspec: {address: 198.51.100.99}\n"
    status, applied = over_https(controller, token, "POST", "/v1/apply", change)
    assert status == 200
    fields = [{"field": "description", "from": "", "to": "moved"}, {"field": "address", "from": "198.51.100.1", "to": "198.51.100.99"}]
    assert applied["changes"][0]["fields"] == fields
    (row,) = audit(controller, "?kind=customer-gateway&action=update")
    assert (row["who"], row["from"], row["kind"], row["name"], row["revision"]) == ("token ci", "127.0.0.1", "CustomerGateway", "office-1", 2)
    assert row["fields"] == fields and abs(time.time() - time.mktime(time.strptime(row["at"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone) < 60
    created = audit(controller, "?kind=CustomerGateway&action=create&name=office-1")[0]
    assert created["who"] == LOCAL and {"field": "address", "from": "", "to": "198.51.100.1"} in created["fields"]
    over_https(controller, token, "POST", "/v1/apply", change)
    assert len(audit(controller, "?kind=CustomerGateway&name=office-1")) == 2, "what changes nothing is no change"


def test_the_audit_names_no_secret(controller, network):
    controller.apply(network)
    new = "A-new-key-that-nobody-may-see"
    connection = controller.get("/v1/resources/IpsecConnection/office-1")
    connection["spec"].setdefault("ike", {})["psk"] = new
    answer = controller.apply(json.dumps({key: connection[key] for key in ("kind", "name", "spec")}))
    assert {"field": "ike.psk", "from": "(secret)", "to": "(secret)"} in answer["changes"][0]["fields"]
    assert new not in json.dumps(answer) and new not in json.dumps(audit(controller))
    assert controller.stop() == 0
    with sqlite3.connect(controller.state / "store.db") as store:
        assert not [row for row in store.execute("SELECT * FROM audit") if new in str(row)]


def test_who_was_told_a_secret_or_let_a_machine_in_is_in_the_audit(controller, network):
    controller.apply(network)
    assert controller.ask("POST", "/v1/nodes/us-east-node/enrolment")[0] == 200
    assert controller.request("GET", "/v1/export/ipsec-connections/office-1")[0] == 200
    assert controller.ask("POST", "/v1/nodes/us-east-node/revocation")[0] == 200
    controller.make_token("ci", "viewer")
    controller.ask("DELETE", "/v1/tokens/ci")
    told = [(row["action"], row["kind"], row["name"]) for row in audit(controller)[:5]]
    assert told == [("delete", "Token", "ci"), ("create", "Token", "ci"), ("revoke", "Node", "us-east-node"),
                    ("export", "IpsecConnection", "office-1"), ("enrol", "Node", "us-east-node")]
    assert controller.get("/v1/version")["revision"] == 2, "tokens and bundles are no change of what is declared"


def test_the_audit_is_paged_and_filtered(controller):
    for i in range(7):
        controller.apply(f"kind: Region\nname: region-{i}\nspec: {{}}\n")
    first = controller.get("/v1/audit?limit=3")
    second = controller.get(f"/v1/audit?limit=3&continue={first['continue']}")
    last = controller.get(f"/v1/audit?limit=3&continue={second['continue']}")
    names = [row["name"] for page in (first, second, last) for row in page["rows"]]
    assert names == [f"region-{i}" for i in reversed(range(7))] and "continue" not in last
    assert [row["name"] for row in audit(controller, "?name=region-3")] == ["region-3"]
    assert audit(controller, "?since=2999-01-01") == [] and audit(controller, "?who=somebody-else") == []
    assert len(audit(controller, "?since=2020-01-01&who=uid")) == 7
    for wrong in ("limit=0", "limit=x", "continue=-1", "since=yesterday", "frobnicate=1"):
        assert controller.ask("GET", "/v1/audit?" + wrong)[0] == 400, wrong


def test_a_refused_change_leaves_no_row(controller, network):
    controller.apply(network)
    before = audit(controller)
    assert controller.ask("POST", "/v1/apply", "kind: VSwitch\nname: bad\nspec: {vpc: none, cidr: 172.16.9.0/24}")[0] == 400
    assert controller.ask("POST", "/v1/delete", "kind: Vpc\nname: us-east")[0] == 409
    assert controller.ask("POST", "/v1/plan", "kind: Region\nname: new\nspec: {}")[0] == 200
    assert audit(controller) == before


def test_killed_while_it_changes_it_has_as_many_rows_as_changes(controller):
    done = []

    def change():
        try:
            for i in range(1000):
                controller.apply(f"kind: Region\nname: region-{i}\nspec: {{}}\n")
                done.append(i)
        except (OSError, http.client.HTTPException):
            pass  # it was killed

    thread = threading.Thread(target=change)
    thread.start()
    while len(done) < 20:
        pass
    controller.stop(9)
    thread.join()
    controller.start()
    revision = controller.get("/v1/version")["revision"]
    rows = controller.get("/v1/audit?limit=1000")["rows"]
    assert revision >= len(done) and [row["revision"] for row in rows] == list(range(revision, 0, -1))


def test_a_plan_says_which_tunnels_are_cut_and_why(controller, network):
    first = controller.apply(network)
    assert {"action": "make", "node": "us-east-node", "tunnel": "IpsecConnection office-1", "reasons": []} in first["tunnels"]
    connection = {key: value for key, value in controller.get("/v1/resources/IpsecConnection/office-1").items() if key in ("kind", "name", "spec")}

    def plan(**changes):
        changed = json.loads(json.dumps(connection))
        changed["spec"]["ike"].update(changes.pop("ike", {}))
        changed["spec"].update({key: value for key, value in changes.items() if key != "description"})
        if "description" in changes:
            changed["description"] = changes["description"]
        status, answer = controller.ask("POST", "/v1/plan", json.dumps(changed))
        assert status == 200, answer
        return answer

    described = plan(description="the office in Ohio")
    assert described["changes"][0]["fields"] == [{"field": "description", "from": "", "to": "the office in Ohio"}]
    assert described["tunnels"] == [] and described["nodes"] == []
    (cut,) = plan(ike={"lifetime_seconds": 3600, "psk": "another-key-of-the-office"})["tunnels"]
    assert (cut["action"], cut["node"], cut["tunnel"]) == ("rebuild", "us-east-node", "IpsecConnection office-1")
    assert {"field": "IKE lifetime", "from": "86400", "to": "3600"} in cut["reasons"]
    assert {"field": "pre-shared key", "from": "(secret)", "to": "(secret)"} in cut["reasons"]
    assert len(cut["reasons"]) == 2
    moved = controller.ask("POST", "/v1/plan", "kind: Node\nname: us-east-node\nspec: {region: us-east, public_address: 192.0.2.77}\n")[1]
    (cut,) = [row for row in moved["tunnels"] if row["tunnel"] == "IpsecConnection office-1"]
    assert {"field": "local address", "from": "192.0.2.1", "to": "192.0.2.77"} in cut["reasons"]
