# SPDX-License-Identifier: Apache-2.0
"""Sixty malformed texts for the real program: each refusal names resource, field, value and remedy, and changes
nothing."""

import json

import pytest


def document(kind, name, spec="{}"):
    return f"kind: {kind}\nname: {name}\nspec: {spec}\n"


def vpc(cidr):
    return document("Vpc", "v", f"{{region: us-east, cidr_blocks: [{cidr}]}}")


def instance(fields):
    return document("Instance", "i", "{vswitch: us-east, security_groups: [app], " + fields + "}")


def rule(fields):
    return document("SecurityGroup", "g", "{vpc: us-east, rules: [{peer_cidr: 0.0.0.0/0, " + fields + "}]}")


def office(extra="", local="[0.0.0.0/0]", remote="[10.10.20.0/24]"):
    return f"""kind: CustomerGateway
name: office-2
spec: {{address: 198.51.100.2}}
---
kind: IpsecConnection
name: office-2
spec:
  vpn_gateway: us-east
  customer_gateway: office-2
  local_subnets: {local}
  remote_subnets: {remote}
  {extra}
"""


def route(destination):
    return document("VpnRoute", "r", f"{{vpn_gateway: us-east, destination: {destination}, ipsec_connection: office-1}}")


OFFICE = "IpsecConnection office-2"
FIRST = "a document"

# text, resource, field, words of the fault, words of the remedy
TEXTS = {
    # not documents
    "scalar": ("hello", FIRST, "", "not a map", "kind, name and spec"),
    "list": ("- a\n- b\n", FIRST, "", "not a map", "kind, name and spec"),
    "two json values": ("{} {}", "", "line 1", "not JSON", "correct"),
    "json cut off": ('{"kind": "Region"', "", "line 1", "not JSON", "correct"),
    "json deep": ('{"a":' * 5000 + "1" + "}" * 5000, "", "line 1", "deeper than 16", "smaller"),
    "yaml deep": ("a:\n" + "".join(" " * i + "a:\n" for i in range(1, 200)), "", "line 17", "deeper than 16", "plain"),
    "flow deep": ("- " * 5000, "", "line 1", "deeper than 16", "plain"),
    "control character": ("\0", "", "line 1", "unknown escape character", "correct"),
    "yaml tab": ("kind:\tRegion\n\tname: x\n", "", "line 2", "not YAML", "correct"),
    "alias": ("a: &x 1\nb: *x\n", "", "line 1", "anchor", "without anchors"),
    "tag": ("!!python/object:os.system x\n", "", "line 1", "tag", "without anchors"),
    "latin-1": (b"kind: Region\nname: \xff\xfe\n", "", "the text", "not UTF-8", "UTF-8"),
    "utf-16": ("kind: Region\nname: x\n".encode("utf-16"), "", "the text", "not UTF-8", "UTF-8"),
    # envelopes
    "no kind": ("name: x\nspec: {}\n", FIRST, "kind", "is missing", "write kind"),
    "no name": ("kind: Region\nspec: {}\n", FIRST, "name", "is missing", "write name"),
    "kind twice": ('{"kind": "Region", "kind": "Vpc", "name": "x"}', FIRST, "kind", "given twice", "once"),
    "kind misspelt": (document("IpsecConection", "x"), FIRST, "kind", "IpsecConection", "IpsecConnection"),
    "kind in small": (document("vpc", "x"), FIRST, "kind", "vpc", "Vpc"),
    "kind is a list": (document("[Region]", "x"), FIRST, "kind", "a list", "one value"),
    "name is a number": ('{"kind": "Region", "name": 5}', FIRST, "name", "a number", "quotes"),
    "name with capitals": (document("Region", "Europe"), "Region Europe", "name", '"Europe"', "a-z"),
    "name with a dot": (document("Region", "a.b"), "Region a.b", "name", '"a.b"', "a-z"),
    "name too long": (document("Region", "a" * 64), "Region " + "a" * 64, "name", "a" * 64, "1 to 63"),
    "name without end": (document("Region", "a" * 100_000), FIRST, "name", "100000 bytes", "4096"),
    "name with escape": ('kind: Region\nname: "a\\u001bb"\n', FIRST, "name", "control", "plain text"),
    "name with NUL": ("kind: Region\nname: a\0b\n", FIRST, "name", "control", "plain text"),
    "declared twice": (document("Region", "a") + "---\n" + document("Region", "a"), "Region a", "", "line 1, column 1 and line 5, column 1", "one"),
    "unknown part": ("kind: Region\nname: a\nmetadata: {}\n", FIRST, "metadata", "not a part", "under spec"),
    "unknown field": (document("Vpc", "v", "{cidr: 10.0.0.0/8}"), "Vpc v", "cidr", "not a field of Vpc", "cidr_blocks"),
    "spec is a list": (document("Vpc", "v", "[a]"), "Vpc v", "spec", "a list", "name: value"),
    # addresses
    "prefix is a number": ('{"kind": "Vpc", "name": "v", "spec": {"region": "us-east", "cidr_blocks": [10]}}', "Vpc v",
                           "cidr_blocks[0]", "a number", "quotes"),
    "list is a word": (document("Vpc", "v", "{region: us-east, cidr_blocks: 10.0.0.0/16}"), "Vpc v", "cidr_blocks", "a word",
                       "brackets"),
    "host bits": (vpc("10.0.0.1/16"), "Vpc v", "cidr_blocks[0]", "10.0.0.1/16", "write 10.0.0.0/16"),
    "no length": (vpc("10.0.0.0"), "Vpc v", "cidr_blocks[0]", "10.0.0.0", "10.0.0.0/32"),
    "length 08": (vpc("10.0.0.0/08"), "Vpc v", "cidr_blocks[0]", "10.0.0.0/08 is not written plainly", "write 10.0.0.0/8"),
    "length 33": (vpc("10.0.0.0/33"), "Vpc v", "cidr_blocks[0]", "10.0.0.0/33", "like"),
    "ipv6": (vpc("'fd00::/16'"), "Vpc v", "cidr_blocks[0]", "fd00::/16", "IPv4"),
    "reserved": (vpc("100.64.0.0/16"), "Vpc v", "cidr_blocks[0]", "100.64.0.0/16 overlaps 100.64.0.0/10", "outside"),
    "overlaps itself": (vpc("10.0.0.0/16, 10.0.0.0/16"), "Vpc v", "cidr_blocks", "of its own", "leave one"),
    "dangling region": (document("Vpc", "v", "{region: mars, cidr_blocks: [10.0.0.0/16]}"), "Vpc v", "region",
                        "mars does not exist", "declare Region mars or name one that does: shanghai, us-east"),
    "outside the vpc": (document("VSwitch", "s", "{vpc: us-east, cidr: 10.0.0.0/24}"), "VSwitch s", "cidr",
                        "outside Vpc us-east (172.16.0.0/16)", "inside"),
    "overlapping vswitch": (document("VSwitch", "a", "{vpc: us-east, cidr: 172.16.1.128/25}"), "VSwitch a", "cidr",
                            "overlaps VSwitch us-east (172.16.1.0/24)", "nothing else uses"),
    "the router's address": (instance("address: 172.16.1.253, node: us-east-node"), "Instance i", "address",
                             "172.16.1.253 is reserved", "172.16.1.1 to 172.16.1.252"),
    "outside the vswitch": (instance("address: 172.16.9.9, node: us-east-node"), "Instance i", "address", "172.16.9.9 is outside",
                            "inside"),
    "address twice": (document("Instance", "a", "{vswitch: us-east, address: 172.16.1.10, security_groups: [app], "
                               "node: us-east-node}"), "Instance a", "address", "also that of Instance app-us-east", "free"),
    "netns path": (instance("address: 172.16.1.11, node: us-east-node, netns: ../../etc"), "Instance i", "netns", "../../etc",
                   "letters, digits and"),
    "node elsewhere": (instance("address: 172.16.1.11, node: shanghai-node"), "Instance i", "node", "in Region shanghai",
                       "of Region us-east"),
    "not an address": (document("CustomerGateway", "x", "{address: 300.1.1.1}"), "CustomerGateway x", "address", "300.1.1.1",
                       "like"),
    "second gateway": (document("VpnGateway", "a", "{vpc: us-east, node: us-east-node}"), "VpnGateway a", "vpc",
                       "already has VpnGateway us-east", "one gateway"),
    "office twice": (document("CustomerGateway", "a", "{address: 198.51.100.1}"), "CustomerGateway a", "address",
                     "CustomerGateway office-1", "correct the address"),
    # rules
    "ports backwards": (rule("protocol: tcp, ports: 90-80"), "SecurityGroup g", "rules[0].ports", "90-80", "low <= high"),
    "port 70000": (rule("protocol: tcp, ports: '70000'"), "SecurityGroup g", "rules[0].ports", "70000", "80 or 8000-8080"),
    "ports of icmp": (rule("protocol: icmp, ports: '80'"), "SecurityGroup g", "rules[0].ports", "80-80", "leave ports out"),
    "priority 0": (rule("priority: 0"), "SecurityGroup g", "rules[0].priority", "0 is out of range", "1 to 100"),
    "priority 2000000": (rule("priority: 2000000"), "SecurityGroup g", "rules[0].priority", "2000000 is out", "1 to 100"),
    "priority negative": (rule("priority: -1"), "SecurityGroup g", "rules[0].priority", "-1 is out of range", "1 to 100"),
    "priority without end": (rule("priority: " + "9" * 30), "SecurityGroup g", "rules[0].priority", "9" * 30, "1 to 100"),
    "protocol": (rule("protocol: sctp"), "SecurityGroup g", "rules[0].protocol", "sctp", "all, tcp, udp, icmp, gre"),
    "two peers": (rule("peer_group: app"), "SecurityGroup g", "rules[0]", "has both peer_cidr and peer_group", "exactly one"),
    # connections
    "another office's subnet": (office(remote="[10.10.10.0/24]"), OFFICE, "remote_subnets",
                                "10.10.10.0/24 overlaps IpsecConnection office-1 (10.10.10.0/24) in Vpc us-east",
                                "choose a prefix"),
    "the vpc's subnet": (office(remote="[172.16.0.0/24]"), OFFICE, "remote_subnets", "overlaps Vpc us-east (172.16.0.0/16)",
                         "choose a prefix"),
    "local overlap": (office(local="[0.0.0.0/0, 10.0.0.0/8]"), OFFICE, "local_subnets[1]", "10.0.0.0/8 overlaps", "leave one"),
    "ikev1 with two": (office("ike: {version: ikev1}", remote="[10.10.20.0/24, 10.10.21.0/24]"), OFFICE, "remote_subnets",
                       "2 prefixes with ikev1", "ikev2"),
    "algorithm": (office("ike: {encryption: blowfish}"), OFFICE, "ike.encryption", "blowfish", "aes256"),
    "lifetime": (office("ike: {lifetime_seconds: 10}"), OFFICE, "ike.lifetime_seconds", "10", "60 to 86400"),
    "wildcard identity": (office("ike: {remote_id: '%any'}"), OFFICE, "ike.remote_id", "%any", "letters"),
    "truth": (office("dpd: maybe"), OFFICE, "dpd", "maybe", "true or false"),
    "key with a blank": (office("ike: {psk: 'very secret'}"), OFFICE, "ike.psk", "not allowed", "without blanks"),
    "key in lines": (office('ike: {psk: "very\\nsecret"}'), OFFICE, "ike.psk", "control", "plain text"),
    "key is a list": (office("ike: {psk: [secret]}"), OFFICE, "ike.psk", "a list", "one value"),
    "key misplaced": (office("psk: secret"), OFFICE, "psk", "not a field", "ike"),
    # routes
    "default route": (route("0.0.0.0/0"), "VpnRoute r", "destination", "0.0.0.0/0", "office's networks"),
    "outside the tunnel": (route("10.99.0.0/24"), "VpnRoute r", "destination", "outside remote_subnets (10.10.10.0/24)",
                           "its tunnel carries nothing else"),
    "no such cen": (document("CenRoute", "r", "{cen: none, vpc: us-east, destination: 10.10.10.0/24}"), "CenRoute r", "cen",
                    "none does not exist", "declare Cen none"),
}


@pytest.fixture(scope="module")
def declared(tmp_path_factory):
    from conftest import Controller
    from pathlib import Path

    controller = Controller(tmp_path_factory.mktemp("refusals"))
    controller.start()
    controller.apply(Path(__file__).with_name("network.yaml").read_text())
    yield controller
    controller.stop()


@pytest.mark.parametrize("label", TEXTS)
def test_a_refusal_says_who_what_and_how(declared, label):
    text, resource, field, what, remedy = TEXTS[label]
    status, answer = declared.ask("POST", "/v1/apply", text if isinstance(text, bytes) else text.encode())
    assert status == 400
    error = answer["errors"][0]
    told = error["field"].split(", column")[0] if not resource else error["field"]
    assert (error["resource"], told) == (resource, field), error
    assert what in error["what"] and remedy in error["remedy"], error
    assert "secret" not in json.dumps(answer) and "secret" not in declared.log.read_text()
    assert declared.get("/v1/version")["revision"] == 1
