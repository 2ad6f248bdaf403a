"""A machine is lost: its certificate is revoked, and only a new bundle makes a machine the node again."""

from conftest import APPS, OFFICES, all_in_force, each_stands_once, farspan, farspan_json, tunnels, wait_for

NODE, PEER = "us-east-node", "shanghai-node"


def key_of(connection):
    exported = farspan("export", "ipsec-connection", connection, "--format", "swanctl")
    return next(line.split('"')[1] for line in exported.splitlines() if line.strip().startswith("secret =")).encode()


def test_a_revoked_machine_is_emptied_and_cut_off_until_it_is_enrolled_anew(lab):
    state = lab.directory / NODE / "state/node_state.bin"
    assert lab.pings("office-1", OFFICES["office-3"]) and key_of("office-1") in state.read_bytes()
    wait_for("each tunnel stands once", lambda: each_stands_once(lab), 60)
    others = {name: row["ike_id"] for (node, name), row in tunnels().items() if node == PEER and not name.startswith("link")}

    farspan("revoke", NODE)
    wait_for("the other node ends the link", lambda: tunnels()[PEER, f"link {NODE}"]["child_state"] == "ipsec_sa_not_established", 5)
    wait_for("the machine forgets its connections", lambda: lab.node_swanctl(NODE, "--list-conns").stdout.strip() == "")
    assert lab.node_swanctl(NODE, "--list-sas").stdout.strip() == ""
    assert key_of("office-1") not in state.read_bytes(), "its keys are off its disk"
    assert not lab.pings("office-1", APPS["app-us-east"]) and not lab.pings("office-3", APPS["app-us-east"])
    node = next(row for row in farspan_json("nodes")["nodes"] if row["node"] == NODE)
    assert not node["connected"] and not node["in_force"]
    assert lab.pings("office-3", OFFICES["office-4"]), "whoever is not concerned notices nothing"

    (lab.directory / NODE / "enrolment.json").write_text(farspan("enrol", NODE))
    wait_for("the node is back", lambda: all_in_force() and all(
        row["child_state"] == "ipsec_sa_established" for row in tunnels().values()), 60)
    assert lab.pings("office-1", OFFICES["office-3"], count=3) and lab.pings("office-3", APPS["app-us-east"])
    assert {name: row["ike_id"] for (node, name), row in tunnels().items() if node == PEER and not name.startswith("link")} == others
