# SPDX-License-Identifier: Apache-2.0
"""Every way to get a tunnel wrong has its name, whoever initiates, and is forgotten once it is right."""
import pytest
from lab import wait_for

CASES = {
    "psk_mismatch": dict(psk="another"),
    "ike_proposal_mismatch": dict(proposal="aes128-sha1-modp1024"),
    "esp_proposal_mismatch": dict(esp="aes128-sha1-modp2048"),
    "subnets_mismatch": dict(local_ts="10.99.0.0/24"),
    "id_mismatch": dict(local_id="office.example"),
}


@pytest.mark.parametrize("initiator", ["node", "office"])
@pytest.mark.parametrize("version", [2, 1], ids=["ikev2", "ikev1"])
@pytest.mark.parametrize("cause", CASES)
def test_names_the_cause_and_recovers(ends, cause, version, initiator):
    node, office = ends
    office.configure(version=version, **CASES[cause])
    node.want(version=version, start=int(initiator == "node"))
    assert node.apply() == []
    # As initiator a node hears only that it was refused: the peer keeps to itself whether key or identity was wrong.
    wanted = {cause}
    if cause == "id_mismatch" and initiator == "node":
        wanted.add("psk_mismatch")
    if initiator == "office":
        office.swanctl("--initiate", "--child", "net", "--timeout", "8")
    wait_for(lambda: node.cause() in wanted, 20, f"{wanted}, not {node.status()}")
    status = node.status()
    assert status["remedy"] and status["child"] == "ipsec_sa_not_established"
    if cause == "id_mismatch" and initiator == "office":
        assert "office.example" in status["words"]

    office.configure(version=version)
    if initiator == "office":
        office.swanctl("--terminate", "--ike", "net", "--force")
        office.swanctl("--initiate", "--child", "net", "--timeout", "8")
    wait_for(node.is_up, 40, "tunnel comes up once it is right")
    assert node.cause() == ""


def test_silent_peer(ends):
    node, office = ends
    office.charon.end()
    node.want()
    node.apply()
    wait_for(lambda: node.cause() == "peer_silent", 20)
    assert "UDP 500" in node.status()["words"]
