"""A tunnel that is down says why, in the words of the person who must fix it; and comes back when it is fixed."""

import pytest

from conftest import OFFICES, tunnel_is_up, tunnels, wait_for


def problem(connection):
    row = next(row for (_, name), row in tunnels().items() if name == connection)
    return row["problem"]


def break_and_mend(lab, office, edit, causes):
    lab.load_office(office, edit=edit)
    lab.swanctl(office, "--terminate", "--ike", "*")
    terminate_all(lab, office)
    found = wait_for(f"cause {causes}", lambda: (p := problem(office)) and p["cause"] in causes and p, seconds=40)
    assert found["words"] and found["remedy"]
    lab.load_office(office)
    terminate_all(lab, office)
    wait_for(f"{office} up again", lambda: tunnel_is_up(office), seconds=60)
    assert problem(office) is None
    return found


def terminate_all(lab, office):
    for line in lab.swanctl(office, "--list-sas").stdout.splitlines():
        if line and not line[0].isspace() and ": #" in line:
            lab.swanctl(office, "--terminate", "--ike-id", line.split("#")[1].split(",")[0], "--timeout", "5")


def replaced(old, new):
    def edit(text):
        assert old in text, f"{old!r} is not in:\n{text}"
        return text.replace(old, new)
    return edit


def test_wrong_pre_shared_key(lab):
    import re

    def edit(text):
        changed = re.sub(r'(secret\s*=\s*)"?[^"\n]+"?', r'\1"this-is-not-the-key"', text)
        assert changed != text
        return changed
    break_and_mend(lab, "office-1", edit, {"psk_mismatch"})


def test_wrong_ike_proposal(lab):
    import re

    def edit(text):
        changed = re.sub(r"(?m)^(\s*)proposals\s*=.*$", r"\1proposals = aes128-sha1-modp1536", text)
        assert changed != text
        return changed
    break_and_mend(lab, "office-2", edit, {"ike_proposal_mismatch"})


def test_wrong_esp_proposal(lab):
    import re

    def edit(text):
        changed = re.sub(r"(?m)^(\s*)esp_proposals\s*=.*$", r"\1esp_proposals = aes128-sha1-modp1536", text)
        assert changed != text
        return changed
    break_and_mend(lab, "office-3", edit, {"esp_proposal_mismatch"})


def test_wrong_subnets(lab):
    import re

    def edit(text):
        changed = re.sub(r"(?m)^(\s*)local_ts\s*=.*$", r"\1local_ts = 10.99.99.0/24", text)
        assert changed != text
        return changed
    break_and_mend(lab, "office-4", edit, {"subnets_mismatch"})


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
