"""Both ends of a tunnel make it at one moment: one of the two IKE SAs is ended, and no packet notices."""

import os
import re
import signal
import subprocess

from conftest import OFFICES, farspan_json, tunnel_is_up, tunnels, wait_for
from test_rekey import load

NODE, OFFICE = "us-east-node", "office-1"


def connection_of(office):
    tunnel = next(row["tunnel"] for (_, name), row in tunnels().items() if name == office)
    return rf"t{tunnel}-\w+"


def ike_sas(lab):
    """Established IKE SAs of the tunnel by the initiator's SPI, as each end lists them."""
    ends = (connection_of(OFFICE), lab.node_swanctl(NODE, "--list-sas").stdout), (r"\S+", lab.swanctl(OFFICE, "--list-sas").stdout)
    return [set(re.findall(rf"^{name}: #\d+, ESTABLISHED, IKEv2, ([0-9a-f]{{16}})_i", text, re.MULTILINE)) for name, text in ends]


def waiting_connections(pid):
    """Paths of the sockets of that process's namespace that somebody connected to and nobody has accepted yet."""
    rows = subprocess.run(["nsenter", "-t", str(pid), "-n", "ss", "-xlnH"], capture_output=True, text=True, check=True).stdout
    return {fields[4] for fields in map(str.split, rows.splitlines()) if int(fields[2]) > 0}


def initiate_at_once(lab):
    """Takes the tunnel down, and lets both charons wake in the same moment with the order to make it."""
    name = re.search(rf"^({connection_of(OFFICE)}):", lab.node_swanctl(NODE, "--list-conns").stdout, re.MULTILINE)[1]
    places = [lab.directory / NODE, lab.directory / OFFICE]
    charons = [lab.pid(f"{NODE}/charon"), lab.pid(f"{OFFICE}-router/charon")]
    agent = lab.pid(f"{NODE}/agent")
    orders = []
    os.kill(agent, signal.SIGSTOP)  # it would initiate by itself
    try:
        lab.node_swanctl(NODE, "--terminate", "--ike", name, "--timeout", "10")
        wait_for("no IKE SA", lambda: ike_sas(lab) == [set(), set()])
        for pid in charons:
            os.kill(pid, signal.SIGSTOP)
        for place, pid, words in zip(places, charons, (["--child", "esp", "--ike", name], ["--child", OFFICE])):
            orders.append(subprocess.Popen(["swanctl", "--initiate", *words, "--uri", f"unix://{place}/charon.vici"],
                                           env={**os.environ, "STRONGSWAN_CONF": f"{place}/strongswan.conf"},
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            wait_for("order given", lambda: f"{place}/charon.vici" in waiting_connections(pid))
    finally:
        for pid in [*charons, agent]:
            os.kill(pid, signal.SIGCONT)
    for order in orders:
        order.wait(30)


def test_one_of_two_ike_sas_is_ended_under_load_and_nothing_is_lost(lab):
    for _ in range(20):
        initiate_at_once(lab)
        if [len(end) for end in ike_sas(lab)] == [2, 2]:
            break
    else:
        raise AssertionError("both ends never made an IKE SA at the same moment")
    wait_for("tunnel up", lambda: tunnel_is_up(OFFICE))
    wait_for("packets pass", lambda: lab.pings(OFFICE, OFFICES["office-3"]))
    echoes = load(lab)
    try:
        assert [len(end) for end in ike_sas(lab)] == [2, 2]
        wait_for("one IKE SA is left", lambda: [len(end) for end in ike_sas(lab)] == [1, 1], seconds=60)
        assert len(set.union(*ike_sas(lab))) == 1, "the same at both ends"
        wait_for("its one Child SA is left", lambda: len(next(row for (_, name), row in tunnels().items() if name == OFFICE)
                                                         ["children"]) == 1, seconds=20)
    finally:
        answered = echoes.stop()
    assert answered > 500
    assert farspan_json("lab", "check")["agrees"]
