"""A tunnel that is down says why, in the words of the person who must fix it; and comes back when it is fixed."""

import re
import subprocess

import pytest

from conftest import OFFICES, drops, farspan, farspan_json, tunnel_is_up, tunnels, wait_for

MISTAKES = {  # office: what its administrator got wrong (a line of its swanctl.conf and what stands there instead), the cause
    "office-1": (r'(secret\s*=\s*)"[^"\n]+"', r'\1"this-is-not-the-key"', "psk_mismatch"),
    "office-2": (r"(?m)^(\s*)proposals\s*=.*$", r"\1proposals = aes128-sha1-modp1536", "ike_proposal_mismatch"),
    "office-3": (r"(?m)^(\s*)esp_proposals\s*=.*$", r"\1esp_proposals = aes128-sha1-modp1536", "esp_proposal_mismatch"),
    "office-4": (r"(?m)^(\s*)local_ts\s*=.*$", r"\1local_ts = 10.99.99.0/24", "subnets_mismatch"),
}


def problem(connection):
    return next(row for (_, name), row in tunnels().items() if name == connection)["problem"]


def terminate(lab, office):
    """Ends every IKE SA of the office, so that the next one is made with what it has loaded now."""
    for number in re.findall(r"(?m)^\S+: #(\d+),", lab.swanctl(office, "--list-sas").stdout):
        lab.swanctl(office, "--terminate", "--ike-id", number, "--timeout", "5")


@pytest.mark.parametrize("office", MISTAKES)
def test_a_mistake_at_the_office_has_its_name(lab, office):
    pattern, replacement, cause = MISTAKES[office]

    def edit(text):
        changed = re.sub(pattern, replacement, text)
        assert changed != text
        return changed

    lab.load_office(office, edit=edit)
    terminate(lab, office)
    found = wait_for(cause, lambda: (p := problem(office)) and p["cause"] == cause and p, seconds=40)
    assert found["words"] and found["remedy"]
    lab.load_office(office)
    terminate(lab, office)
    wait_for(f"{office} up again", lambda: tunnel_is_up(office), seconds=60)
    assert problem(office) is None


def test_a_silent_peer_is_noticed_and_taken_back(lab):
    """DPD (RFC 7296 §2.4): the office's uplink is cut; the tunnel goes down with a named cause and comes back."""
    lab.run("office-1-router", "ip", "link", "set", "wan0", "down")
    found = wait_for("the office is missed", lambda: not tunnel_is_up("office-1") and problem("office-1"), seconds=60)
    assert found["cause"] in ("peer_silent", "dpd_timeout")
    lab.run("office-1-router", "ip", "link", "set", "wan0", "up")
    lab.run("office-1-router", "ip", "route", "add", "100.64.0.1", "dev", "wan0")
    lab.run("office-1-router", "ip", "route", "add", "default", "via", "100.64.0.1", "dev", "wan0", "src", "198.51.100.11")
    wait_for("office-1 up again", lambda: tunnel_is_up("office-1"), seconds=90)
    wait_for("office-1 reaches office-3", lambda: lab.pings("office-1", OFFICES["office-3"]), seconds=20)


def test_a_stranger_who_calls_is_counted(lab):
    """A device whose CustomerGateway is missing gets no answer (ike/test_strangers.py), and shows."""
    node = next(row for row in farspan_json("nodes")["nodes"] if row["node"] == "us-east-node")
    opening = "01" * 8 + "00" * 8 + "2120220800000000" + "0000001c"  # IKE_SA_INIT (RFC 7296 §3.1)
    script = f"import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(bytes.fromhex('{opening}'), ('{node['public_address']}', 500))"
    before = drops("us-east-node").get("ike_stranger", 0)
    subprocess.run(["ip", "netns", "exec", "fs-internet", "/usr/bin/python3", "-c", script], check=True, timeout=10)
    wait_for("it is counted", lambda: drops("us-east-node").get("ike_stranger", 0) == before + 1)
    assert "no tunnel is declared for" in farspan("drops")
