# SPDX-License-Identifier: Apache-2.0
"""Ids, times, labels and names of resources; deleting a whole; changes that are made once."""

import json
import re
import threading


def spec_of(controller, kind, name):
    return controller.get(f"/v1/resources/{kind}/{name}")["spec"]


def test_an_id_stays_while_the_name_and_the_rest_change(controller, network):
    controller.apply(network)
    made = controller.get("/v1/resources/Vpc/us-east")
    assert re.fullmatch(r"vpc-[0-9a-f]{16}", made["id"]) and made["created_at"] == made["updated_at"]
    assert made["created_at"].endswith("Z")
    controller.apply("kind: Vpc\nname: us-east\ndescription: Ohio\nspec: {region: us-east, cidr_blocks: [172.16.0.0/16]}\n")
    changed = controller.get("/v1/resources/Vpc/us-east")
    assert changed["id"] == made["id"] and changed["created_at"] == made["created_at"] < changed["updated_at"]
    controller.apply("kind: Vpc\nname: us-east\ndescription: Ohio\nspec: {region: us-east, cidr_blocks: [172.16.0.0/16]}\n")
    assert controller.get("/v1/resources/Vpc/us-east") == changed, "nothing changed"
    assert controller.ask("POST", "/v1/resources/vpc/us-east/rename?to=ohio")[0] == 200
    renamed = controller.get("/v1/resources/Vpc/ohio")
    assert (renamed["id"], renamed["number"], renamed["created_at"]) == (made["id"], made["number"], made["created_at"])
    assert controller.ask("GET", "/v1/resources/Vpc/us-east")[0] == 404
    ids = [item["id"] for kind in ("Region", "Node", "Vpc", "VSwitch", "Instance") for item in controller.get(f"/v1/resources/{kind}")["items"]]
    assert len(set(ids)) == len(ids)
    assert controller.stop() == 0
    controller.start()
    assert controller.get("/v1/resources/Vpc/ohio") == renamed


def test_what_refers_follows_a_new_name_and_no_tunnel_is_touched(controller, network):
    controller.apply(network)
    before = controller.get("/v1/tunnels")["tunnels"]
    for kind, old, new in (("vpn-gateway", "us-east", "east"), ("ipsec-connection", "office-1", "munich"), ("vpc", "us-east", "ohio"),
                           ("security-group", "app", "web"), ("region", "us-east", "america")):
        planned = controller.ask("POST", f"/v1/resources/{kind}/{old}/rename?to={new}&plan=true")[1]
        status, renamed = controller.ask("POST", f"/v1/resources/{kind}/{old}/rename?to={new}")
        assert status == 200, renamed
        assert renamed["tunnels"] == [] and renamed["changes"] == planned["changes"]
        assert renamed["changes"][0]["action"] == "rename" and renamed["changes"][0]["fields"] == [{"field": "name", "from": old, "to": new}]
    assert spec_of(controller, "IpsecConnection", "munich")["vpn_gateway"] == "east"
    assert spec_of(controller, "VpnGateway", "east")["vpc"] == spec_of(controller, "VSwitch", "us-east")["vpc"] == "ohio"
    assert spec_of(controller, "Instance", "app-us-east")["security_groups"] == ["web"]
    assert spec_of(controller, "Node", "us-east-node")["region"] == "america"
    after = controller.get("/v1/tunnels")["tunnels"]
    assert [row["tunnel"] for row in after] == [row["tunnel"] for row in before], "by number"
    row = controller.get("/v1/audit?action=rename&name=munich")["rows"][0]
    assert row["fields"] == [{"field": "name", "from": "office-1", "to": "munich"}]


def test_a_name_that_cannot_be_is_refused(controller, network):
    controller.apply(network)
    for kind, old, new, status in (("vpc", "none", "x", 404), ("region", "us-east", "shanghai", 409), ("node", "us-east-node", "n", 400),
                                   ("vpc", "us-east", "UP", 400), ("vpc", "us-east", "", 400), ("volcano", "a", "b", 404)):
        answer = controller.ask("POST", f"/v1/resources/{kind}/{old}/rename?to={new}")
        assert answer[0] == status, answer
    assert controller.get("/v1/version")["revision"] == 1


def test_labels_are_kept_told_and_judged(controller):
    document = {"kind": "Region", "name": "far", "labels": {"team": "net", "7": "", "a.b/c": "x_y"}, "spec": {}}
    controller.apply(json.dumps(document))
    assert controller.get("/v1/resources/Region/far")["labels"] == document["labels"]
    controller.apply("kind: Region\nname: near\nlabels: {team: on, count: 7}\n")
    assert controller.get("/v1/resources/Region/near")["labels"] == {"team": "on", "count": "7"}
    document["labels"]["team"] = "core"
    fields = controller.apply(json.dumps(document))["changes"][0]["fields"]
    assert fields == [{"field": "labels.team", "from": "net", "to": "core"}]
    for labels in ("{'': x}", "{a b: x}", "{a: b c}", "{a: [b]}", "[a]", "{a: {b: c}}", "{" + "x" * 64 + ": y}",
                   "{" + ", ".join(f"l{i}: x" for i in range(17)) + "}", "{a: b, a: c}"):
        status, answer = controller.ask("POST", "/v1/apply", f"kind: Region\nname: bad\nlabels: {labels}\n")
        assert status == 400 and "labels" in answer["errors"][0]["field"], (labels, answer)


def test_a_whole_is_deleted_with_its_parts(controller, network):
    controller.apply(network)
    assert controller.ask("DELETE", "/v1/resources/vpc/us-east")[0] == 409
    status, planned = controller.ask("POST", "/v1/plan-delete?cascade=true", "kind: Vpc\nname: us-east")
    assert status == 200 and controller.get("/v1/version")["revision"] == 1
    gone = {(change["kind"], change["name"]) for change in planned["changes"]}
    assert gone == {("Vpc", "us-east"), ("VSwitch", "us-east"), ("SecurityGroup", "app"), ("Instance", "app-us-east"),
                    ("VpnGateway", "us-east"), ("IpsecConnection", "office-1")}
    assert {"action": "end", "node": "us-east-node", "tunnel": "IpsecConnection office-1", "reasons": []} in planned["tunnels"]
    assert controller.ask("DELETE", "/v1/resources/security-group/app?cascade=true")[0] == 409, "an instance is no part of its group"
    status, done = controller.ask("POST", "/v1/delete?cascade=true", "kind: Vpc\nname: us-east")
    assert status == 200 and done["changes"] == planned["changes"]
    assert len(controller.get("/v1/audit?action=delete")["rows"]) == len(gone)
    assert controller.get("/v1/resources/CustomerGateway")["items"], "it stands for itself"


def test_a_change_with_a_key_is_made_once(controller):
    def ask(key, name, method="POST", target="/v1/apply"):
        body = f"kind: Region\nname: {name}\n" if method == "POST" else None
        status, text, _ = controller.request(method, target, body, {"Idempotency-Key": key})
        return status, text

    first = ask("k1", "one")
    assert first[0] == 200 and ask("k1", "one") == first, "the same answer"
    assert controller.get("/v1/version")["revision"] == 1
    other = ask("k1", "two")
    assert other[0] == 400 and b"another request" in other[1]
    assert ask("", "two")[0] == 200 and ask("x" * 65, "three")[0] == ask("a b", "three")[0] == 400
    gone = ask("k2", "one", "DELETE", "/v1/resources/region/one")
    assert gone[0] == 200 and ask("k2", "one", "DELETE", "/v1/resources/region/one") == gone
    assert ask("k3", "one", "DELETE", "/v1/resources/region/one")[0] == 404
    controller.stop(9)
    controller.start()
    assert ask("k2", "one", "DELETE", "/v1/resources/region/one") == gone, "it is kept with the change"
    revision = controller.get("/v1/version")["revision"]
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask("k4", "four"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 1 and answers[0][0] == 200 and controller.get("/v1/version")["revision"] == revision + 1


def test_a_change_of_what_somebody_else_changed_is_refused(controller, network):
    controller.apply(network)
    _, _, headers = controller.request("GET", "/v1/resources/CustomerGateway/office-1")
    seen = headers["ETag"]
    controller.apply("kind: Region\nname: far\n")  # something else
    controller.apply("kind: CustomerGateway\nname: office-1\nspec: {address: 198.51.100.9}\n")
    rename = "/v1/resources/customer-gateway/office-1/rename?to=munich"
    status, answer, _ = controller.request("POST", rename, headers={"If-Match": seen})
    assert status == 412 and b"not that of its last change" in answer
    _, _, headers = controller.request("GET", "/v1/resources/CustomerGateway/office-1")
    controller.apply("kind: Region\nname: near\n")
    assert controller.request("POST", rename, headers={"If-Match": headers["ETag"]})[0] == 200
    _, _, listed = controller.request("GET", "/v1/resources/Region")
    controller.apply("kind: Region\nname: third\n")
    document = "kind: Region\nname: fourth\n"
    assert controller.request("POST", "/v1/apply", document, {"If-Match": listed["ETag"]})[0] == 412
    assert controller.request("POST", "/v1/apply", document, {"If-Match": "*"})[0] == 200
    for wrong in ("7", '"x"', 'W/"7"', '""'):
        assert controller.request("POST", "/v1/apply", document, {"If-Match": wrong})[0] == 400, wrong
