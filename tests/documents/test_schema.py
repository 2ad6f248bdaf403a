# SPDX-License-Identifier: Apache-2.0
"""/v1/openapi.json, judged by jsonschema: it takes what Farspan takes and refuses what is damaged."""
import copy
import random

import jsonschema
import pytest
import yaml

from conftest import ROOT


@pytest.fixture(scope="session")
def schema_of(controller):
    described = controller.get("/v1/openapi.json")
    assert described["openapi"] == "3.1.0"

    def validator(name):
        schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        jsonschema.Draft202012Validator.check_schema(described["components"]["schemas"][name])
        return jsonschema.Draft202012Validator(schema)

    mapping = described["components"]["schemas"]["Resource"]["discriminator"]["mapping"]
    validators = {kind: validator(reference.rsplit("/", 1)[1]) for kind, reference in mapping.items()}
    return validators | {"Resource": validator("Resource")}


def faults(validator, document):
    return [f"{list(error.absolute_path)} {error.message}" for error in validator.iter_errors(document)]


def example_documents():
    for file in sorted((ROOT / "examples").rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            if document and "kind" in document:
                yield file, document


def test_every_example_fits(schema_of):
    documents = list(example_documents())
    assert len(documents) > 30
    for file, document in documents:
        assert faults(schema_of["Resource"], document) == [], (file, document)


def test_random_resources_fit_their_kind(schema_of, resources):
    assert {resource["kind"] for resource in resources} == set(schema_of) - {"Resource"}
    for resource in resources:
        assert faults(schema_of[resource["kind"]], resource) == [], resource
    for resource in resources[:200]:
        assert faults(schema_of["Resource"], resource) == [], resource


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, member in value.items():
            yield from leaves(member, path + (key,))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, path + (index,))
    else:
        yield path


def damaged(resource, rng):
    """The resource with one fault in it, and what was done."""
    broken = copy.deepcopy(resource)
    spec_leaves = [path for path in leaves(broken) if path[0] == "spec"]
    ways = ["kind", "name", "part"] + (["spec", "field", "type"] if spec_leaves else [])
    way = rng.choice(ways)
    if way == "kind":
        broken["kind"] = "Volcano"
    elif way == "name":
        broken["name"] = rng.choice(["Capital", "a.b", "", "x" * 64])
    elif way == "part":
        broken["sepc"] = {}
    elif way == "spec":
        broken["spec"] = [broken["spec"]]
    elif way == "field":
        broken["spec"]["cird"] = "10.0.0.0/8"
    else:
        path = rng.choice(spec_leaves)
        inner = broken
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = {"a": "map"}
        way += " of " + ".".join(map(str, path))
    return broken, way


def test_damaged_resources_are_refused_by_the_schema_and_by_farspan(schema_of, resources, controller):
    rng = random.Random(11)
    for index, resource in enumerate(resources):
        broken, way = damaged(resource, rng)
        # as a client would: by the discriminator
        validator = schema_of.get(broken["kind"])
        assert validator is None or faults(validator, broken), (way, broken)
        if index % 20 == 0:
            status, _ = controller.ask("POST", "/v1/plan", yaml.safe_dump(broken).encode())
            assert status == 400, (way, broken)


WRONG = {
    "VSwitch": [{"vpc": "v"}, {"cidr": "10.0.0.0/24"}, {"vpc": "v", "cidr": "10.0.0.0/33"}, {"vpc": "v", "cidr": "10.0.0.256/24"}],
    "SecurityGroup": [{"vpc": "v", "rules": [{}]}, {"vpc": "v", "rules": [{"peer_cidr": "0.0.0.0/0", "peer_group": "g"}]},
                      {"vpc": "v", "rules": [{"peer_group": "g", "priority": 0}]},
                      {"vpc": "v", "rules": [{"peer_group": "g", "protocol": "sctp"}]}, {"vpc": "v", "inner_access": "maybe"}],
    "CustomerGateway": [{}, {"address": "198.51.100"}],
    "CenAttachment": [{"cen": "c"}],
    "Vpc": [{"region": "r", "cidr_blocks": []}, {"region": "r", "cidr_blocks": ["10.0.0.0/8"] * 7}],
}


@pytest.mark.parametrize("kind", WRONG)
def test_bounds_words_and_what_is_required_are_in_the_schema(schema_of, kind):
    for spec in WRONG[kind]:
        assert faults(schema_of[kind], {"kind": kind, "name": "x", "spec": spec}), spec
    if kind != "CustomerGateway":
        return
    assert not faults(schema_of[kind], {"kind": kind, "name": "x", "spec": {"address": "198.51.100.1"}})


def test_people_and_programs_are_told_defaults_references_and_secrets(controller):
    schemas = controller.get("/v1/openapi.json")["components"]["schemas"]
    spec = schemas["IpsecConnection"]["properties"]["spec"]
    ike = spec["properties"]["ike"]["properties"]
    assert ike["encryption"]["enum"] == ["aes256", "aes192", "aes", "aes128gcm", "aes192gcm", "aes256gcm",
                                         "chacha20poly1305", "3des", "des"] and ike["encryption"]["default"] == "aes256"
    assert (ike["lifetime_seconds"]["minimum"], ike["lifetime_seconds"]["maximum"]) == (60, 86400)
    assert ike["psk"]["writeOnly"] is True and "default" not in ike["psk"]
    assert spec["properties"]["vpn_gateway"]["x-farspan-refers-to"] == "VpnGateway"
    assert spec["required"] == ["vpn_gateway", "customer_gateway", "local_subnets", "remote_subnets"]
    assert spec["properties"]["dpd"]["default"] is True
    assert "identity_random" not in schemas["Node"]["properties"]["spec"]["properties"]
