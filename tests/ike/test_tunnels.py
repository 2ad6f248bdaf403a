# SPDX-License-Identifier: Apache-2.0
"""A node's charon with our plugin against a stock strongSwan: up, rekey, restart of each part, removal."""
import re
import signal
import time

import pytest
from lab import NODE, OFFICE, run, wait_for

BOTH = pytest.mark.parametrize("version", [2, 1], ids=["ikev2", "ikev1"])


def bring_up(node, office, version=2, **row):
    office.configure(version=version)
    node.want(version=version, **row)
    assert node.apply() == []
    return wait_for(node.is_up, what="tunnel comes up")


def spis(node):
    return {sa["spi"] for sa in node.ask_dataplane()["sas"]}


@BOTH
def test_comes_up_with_what_was_asked_for(ends, version):
    node, office = ends
    status = bring_up(node, office, version)
    assert status["ike_algorithms"] == "AES-CBC-256/HMAC-SHA2-256-128/PRF-HMAC-SHA2-256/MODP-2048"
    assert status["esp_algorithms"].startswith("AES-GCM-16-256")
    assert status["cause"] == ""
    state = node.ask_dataplane()
    inbound = next(sa for sa in state["sas"] if sa["inbound"])
    outbound = next(sa for sa in state["sas"] if not sa["inbound"])
    assert len(state["sas"]) == 2 and state["reserved"] == 0
    assert inbound["tunnel"] == outbound["tunnel"] == 1
    assert inbound["window"] == 1024 and inbound["key_bytes"] == [36, 0]
    assert inbound["source"].startswith(OFFICE) and outbound["destination"].startswith(OFFICE)
    assert outbound["selectors"] == ["0.0.0.0-255.255.255.255/0/0-65535", "10.10.10.0-10.10.10.255/0/0-65535"]
    # the office's ESP stack needs UDP, and says that there is a NAT
    assert inbound["encapsulated"] == 1 and outbound["destination"] == f"{OFFICE}[4500]"
    out = [policy for policy in state["policies"] if policy["direction"] == 1]
    assert [policy["spi"] for policy in out] == [outbound["spi"]]


@BOTH
@pytest.mark.parametrize("side", ["node", "office"])
def test_child_rekey_replaces_the_sas_make_before_break(ends, version, side):
    node, office = ends
    ike_id = bring_up(node, office, version)["ike_id"]
    before = spis(node)
    if side == "node":
        assert node.tell("rekey 1 child") == []
    else:
        office.swanctl("--rekey", "--child", "net")
    wait_for(lambda: len(spis(node) - before) == 2, what="new SAs")
    if version == 2:  # in IKEv1 nobody deletes them: they expire
        wait_for(lambda: not spis(node) & before, 30, what="old SAs go")
    state = wait_for(lambda: (state := node.ask_dataplane())["policies"][-1]["spi"] not in before and state, what="new policy")
    out = [policy for policy in state["policies"] if policy["direction"] == 1]
    assert out[-1]["spi"] == [sa["spi"] for sa in state["sas"] if not sa["inbound"]][-1]
    assert node.is_up()["ike_id"] == ike_id


@BOTH
@pytest.mark.parametrize("side", ["node", "office"])
def test_ike_rekey_keeps_the_child_sas(ends, version, side):
    node, office = ends
    ike_id, before = bring_up(node, office, version)["ike_id"], spis(node)
    if side == "node":
        assert node.tell("rekey 1 ike") == []
    else:
        office.swanctl("--rekey", "--ike", "net")
    wait_for(lambda: node.is_up() and node.status()["ike_id"] != ike_id, what="another IKE SA")
    assert before <= spis(node)


def test_restarted_dataplane_gets_everything_back(ends):
    node, office = ends
    status = bring_up(node, office)
    before = node.ask_dataplane()
    node.dataplane.end(signal.SIGKILL)
    node.start_dataplane()
    after = wait_for(lambda: (state := node.ask_dataplane()) and state["syncs"] == 1 and state, 5, "resynchronization")

    def bare(state):
        return sorted((sa["spi"], sa["inbound"], sa["destination"], sa["encryption"], tuple(sa["key_bytes"])) for sa in state["sas"])

    assert bare(after) == bare(before)
    assert sorted(map(str, after["policies"])) == sorted(map(str, before["policies"]))
    assert after["instances"] == before["instances"]
    assert all(0 < sa["hard_seconds"] <= 86400 for sa in after["sas"])
    assert node.is_up()["ike_id"] == status["ike_id"]


def test_restarted_charon_makes_the_tunnel_anew(ends):
    node, office = ends
    bring_up(node, office)
    node.charon.end(signal.SIGKILL)
    wait_for(lambda: node.cause() == "ike_daemon_down")
    node.start_charon()
    wait_for(node.is_up, 20, "tunnel comes up again")
    instances = node.ask_dataplane()["instances"]
    assert len(instances) == 2 and instances[0] != instances[1]


def test_removed_tunnel_leaves_nothing(ends):
    node, office = ends
    bring_up(node, office)
    node.tell("drop 1")
    assert node.apply() == []
    wait_for(lambda: (state := node.ask_dataplane()) and not state["sas"] and not state["policies"] and not state["reserved"])
    wait_for(lambda: "ESTABLISHED" not in office.swanctl("--list-sas"), what="the office hears of it")


def test_another_tunnel_touches_no_other(ends):
    node, office = ends
    ike_id, before = bring_up(node, office)["ike_id"], spis(node)
    node.want(2, remote="10.77.0.9", remote_id="10.77.0.9", connection="office-2", remote_ts="10.10.20.0/24")
    assert node.apply() == []
    wait_for(lambda: node.cause(2) == "peer_silent", 20)
    assert node.is_up()["ike_id"] == ike_id and spis(node) == before


def test_changed_tunnel_is_made_anew_and_an_equal_one_is_not(ends):
    node, office = ends
    ike_id = bring_up(node, office)["ike_id"]
    assert node.apply() == []
    assert node.is_up()["ike_id"] == ike_id
    node.want(ike_lifetime=43200)
    assert node.apply() == []
    wait_for(lambda: node.is_up() and node.status()["ike_id"] != ike_id, what="another IKE SA")
    wait_for(lambda: len(spis(node)) == 2)


def test_changed_key_is_used_at_once(ends):
    node, office = ends
    ike_id = bring_up(node, office)["ike_id"]
    office.configure(psk="renewed")
    node.want(psk="renewed")
    assert node.apply() == []
    wait_for(lambda: node.is_up() and node.status()["ike_id"] != ike_id, 20, "another IKE SA")


def test_restarted_agent_touches_nothing(ends):
    node, office = ends
    ike_id, before = bring_up(node, office)["ike_id"], spis(node)
    node.restart_probe()
    node.want()
    assert node.apply() == []
    assert wait_for(node.is_up)["ike_id"] == ike_id and spis(node) == before
    node.restart_probe()
    assert node.apply() == []  # nothing is wanted any more: what an earlier agent loaded goes too
    wait_for(lambda: not spis(node))


def test_aggressive_mode(ends):
    node, office = ends
    (office.dir / "strongswan.conf").write_text((office.dir / "strongswan.conf").read_text().replace(
        "charon-systemd {", "charon-systemd {\n  i_dont_care_about_security_and_use_aggressive_mode_psk = yes", 1))
    office.end()
    office.start()
    office.configure(version=1, aggressive="yes")
    node.want(version=1, aggressive=1)
    assert node.apply() == []
    wait_for(node.is_up, what="tunnel comes up")


def test_closed_by_the_office_it_comes_back(ends):
    node, office = ends
    ike_id = bring_up(node, office)["ike_id"]
    office.swanctl("--terminate", "--ike", "net")
    wait_for(lambda: node.is_up() and node.status()["ike_id"] != ike_id, 20, "another IKE SA")


def test_silent_office_is_noticed_and_comes_back(ends):
    node, office = ends
    bring_up(node, office)
    office.charon.end(signal.SIGKILL)
    wait_for(lambda: node.cause() in ("dpd_timeout", "peer_silent"), 40, "dead peer detection")
    office.start()
    office.configure()
    wait_for(node.is_up, 30, "tunnel comes up again")
    assert node.cause() == ""


def test_soft_limit_makes_new_sas_and_a_hard_one_too(ends):
    node, office = ends
    bring_up(node, office)
    before = spis(node)
    inbound = next(sa["spi"] for sa in node.ask_dataplane()["sas"] if sa["inbound"])
    node.ask_dataplane(f"expire {inbound} soft")
    wait_for(lambda: not spis(node) & before and len(spis(node)) == 2, 30, "rekeyed")
    before = spis(node)
    inbound = next(sa["spi"] for sa in node.ask_dataplane()["sas"] if sa["inbound"])
    node.ask_dataplane(f"expire {inbound} hard")
    wait_for(lambda: not spis(node) & before and len(spis(node)) == 2, 30, "made anew")


def test_moved_nat_mapping_moves_the_sas(ends):
    node, office = ends
    bring_up(node, office)
    inbound = next(sa["spi"] for sa in node.ask_dataplane()["sas"] if sa["inbound"])
    node.ask_dataplane(f"mapping {inbound} {OFFICE} 4711")
    moved = wait_for(lambda: (state := node.ask_dataplane())["updates"] >= 2 and state)
    assert {sa["destination"] for sa in moved["sas"] if not sa["inbound"]} == {f"{OFFICE}[4711]"}
    assert {sa["source"] for sa in moved["sas"] if sa["inbound"]} == {f"{OFFICE}[4711]"}


def test_trap_waits_for_a_packet(ends):
    node, office = ends
    office.configure()
    node.want(start=0)
    assert node.apply() == []
    wait_for(lambda: any(policy["priority"] == 2 for policy in node.ask_dataplane()["policies"]), what="trap policy")
    assert not node.is_up() and not node.ask_dataplane()["sas"]
    node.ask_dataplane("acquire")
    wait_for(node.is_up, what="tunnel comes up on the packet")


def test_office_may_initiate(ends):
    node, office = ends
    node.want(start=0)
    assert node.apply() == []
    office.configure(start="start")
    wait_for(node.is_up, what="tunnel comes up")


def test_no_key_is_in_the_log(ends):
    node, office = ends
    bring_up(node, office)
    assert "secret-1" not in node.log() and "SK_" not in node.log()
    assert NODE in node.log()


def swanctl(node, *words):
    return run("swanctl", *words, "--uri", f"unix://{node.dir}/charon.vici")


def scheduled(node):
    return int(re.search(r"jobs scheduled: (\d+)", swanctl(node, "--stats"))[1])


def test_timers_end_with_their_sas(ends):
    node, office = ends
    bring_up(node, office)
    before = scheduled(node)
    for _ in range(6):
        known = spis(node)
        office.swanctl("--rekey", "--child", "net")
        wait_for(lambda: len(spis(node) - known) == 2, what="new SAs")
    wait_for(lambda: len(spis(node)) == 2, 30, "old SAs go")
    wait_for(lambda: scheduled(node) <= before + 4, 20, "and what was to be done about them")


def test_a_data_plane_that_hangs_keeps_neither_charon_nor_its_end_waiting(ends):
    node, office = ends
    bring_up(node, office)
    node.dataplane.child.send_signal(signal.SIGSTOP)
    try:
        swanctl(node, "--list-sas")  # finds out
        begin = time.monotonic()
        for _ in range(10):
            assert "ESTABLISHED" in swanctl(node, "--list-sas")
        assert time.monotonic() - begin < 10, "each waited for an answer"  # which took 2 s
        node.charon.child.send_signal(signal.SIGTERM)
        assert node.charon.child.wait(10) == 0
    finally:
        node.dataplane.child.send_signal(signal.SIGCONT)
