"""kill -9 of each program in turn: what must survive survives, and what was down is up again without anybody's help."""

import os
import re
import signal

import pytest

from conftest import APPS, OFFICES, all_in_force, each_stands_once, farspan, farspan_json, tunnel_is_up, tunnels, wait_for


def kill(lab, program):
    pid = lab.pid(program)
    os.kill(pid, signal.SIGKILL)
    wait_for(f"{program} started again", lambda: (new := lab.pid(program)) not in (0, pid) and new)


def everything_is_up():
    if farspan("version", ok=False).returncode != 0:
        return False  # the controller is on its way up
    rows = tunnels()
    return all_in_force() and rows and all(row["child_state"] == "ipsec_sa_established" for row in rows.values())


class Echoes:
    """Echoes every 20 ms while something happens; how many were lost."""

    def __init__(self, lab, host, to):
        self.process = lab.start(host, "ping", "-n", "-q", "-i", "0.02", "-W", "2", to)

    def lost(self):
        self.process.send_signal(signal.SIGINT)
        output = self.process.communicate(timeout=30)[0]
        sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", output).groups())
        assert sent > 5
        return max(0, sent - received - 1)  # the last one may be on its way


@pytest.mark.parametrize("program", ["controller", "us-east-node/agent"])
def test_forwarding_does_not_notice_the_death_of(lab, program):
    echoes = Echoes(lab, "office-1", OFFICES["office-3"])
    kill(lab, program)
    wait_for("everything in force again", everything_is_up, seconds=30)
    assert echoes.lost() == 0


def test_established_sas_outlive_charon(lab):
    """The data plane keeps forwarding with the SAs it has; new ones take over, make before break."""
    def link_of_the_other_node():
        return tunnels()["shanghai-node", "link us-east-node"]["ike_id"]

    old = link_of_the_other_node()
    echoes = Echoes(lab, "office-1", OFFICES["office-3"])
    kill(lab, "us-east-node/charon")
    # the other end of the link reports its new IKE SA up to a second later
    wait_for("everything in force again", lambda: everything_is_up() and link_of_the_other_node() != old, seconds=60)
    assert echoes.lost() <= 50  # 1 s: the office drops its old SA when the new IKE SA says INITIAL_CONTACT
    assert lab.pings("office-1", APPS["app-shanghai"], count=3)


def test_a_data_plane_killed_gets_everything_back(lab):
    """Same SAs, same sequence numbers going on: neither IKE nor the office notices."""
    wait_for("each tunnel stands once", lambda: each_stands_once(lab), 60)
    before = {key: row["ike_id"] for key, row in tunnels().items()}
    echoes = Echoes(lab, "office-1", OFFICES["office-3"])
    kill(lab, "us-east-node/dataplane")
    wait_for("everything in force again", everything_is_up, seconds=30)
    wait_for("packets pass again", lambda: lab.pings("office-1", OFFICES["office-3"]), seconds=10)
    assert echoes.lost() < 250  # 5 s with nobody to forward
    assert {key: row["ike_id"] for key, row in tunnels().items()} == before
    assert lab.http("office-1", APPS["app-us-east"]) == "app-us-east"
    assert farspan("lab", "check", ok=False).returncode == 0


def test_the_whole_network_stands_after_all_of_it(lab):
    assert farspan("lab", "check", ok=False).returncode == 0


def test_nodes_go_on_without_their_controller_even_through_a_restart_of_the_agent(lab):
    controller = lab.pid("controller")
    os.kill(controller, signal.SIGSTOP)
    try:
        agent = lab.pid("shanghai-node/agent")
        os.kill(agent, signal.SIGKILL)
        wait_for("the agent started again", lambda: (new := lab.pid("shanghai-node/agent")) not in (0, agent) and new)
        assert lab.pings("office-3", OFFICES["office-1"], count=10)
        assert lab.pings("office-3", APPS["app-shanghai"], count=3)
    finally:
        os.kill(controller, signal.SIGCONT)
    wait_for("everything in force again", everything_is_up, seconds=30)
