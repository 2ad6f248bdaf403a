"""Rekeying under load loses nothing: forced by us, by the peer, and by both at once; IKE SAs and Child SAs."""

import re
import signal
import threading

from conftest import OFFICES, farspan_json, tunnels, wait_for
from echoes import Echoes

REKEYS = 50


def established(text):
    """{ike name: ike id} and {child name: child id} in the output of swanctl --list-sas."""
    ikes = re.findall(r"^(\S+): #(\d+), ESTABLISHED", text, re.MULTILINE)
    children = re.findall(r"^\s+(\S+): #(\d+), reqid \d+, INSTALLED", text, re.MULTILINE)
    return ikes, children


def report(office):
    return next(row for (_, name), row in tunnels().items() if name == office)


def ids(office):
    row = report(office)
    return row["ike_id"], sorted(child["unique_id"] for child in row["children"])


def load(lab):
    """Numbered echoes from one office to another through both regions, every 5 ms, until told to stop."""
    process = lab.start("office-1", "ping", "-n", "-i", "0.005", "-W", "2", OFFICES["office-3"])
    return Echoes(process, lambda: process.send_signal(signal.SIGINT))


def rekey_from_gateway(lab, what):
    ike, children = ids("office-1")
    number = ike if what == "ike" else max(children, key=int)
    return lab.node_swanctl("us-east-node", "--rekey", f"--{what}-id", number)


def rekey_from_office(lab, what):
    ikes, children = established(lab.swanctl("office-1", "--list-sas").stdout)
    rows = ikes if what == "ike" else children
    return lab.swanctl("office-1", "--rekey", f"--{what}-id", str(max(int(i) for _, i in rows)))


def rekey_many(lab, times, rekey, what):
    """Rekeys `times` times, each time waiting until the SA in use is a new one."""
    for _ in range(times):
        before = ids("office-1")
        done = rekey(lab, what)
        assert done.returncode == 0, done.stdout + done.stderr
        changed = (lambda: ids("office-1")[0] != before[0]) if what == "ike" else (lambda: ids("office-1")[1] != before[1])
        wait_for(f"{what} rekeyed", changed, seconds=10)
        assert report("office-1")["last_packet_in_seconds_ago"] in range(5), "the load goes on, whichever SA has it"


def run_under_load(lab, work):
    echoes = load(lab)
    try:
        work()
    finally:
        answered = echoes.stop()
    assert answered > 100


def test_child_sas_rekeyed_by_the_gateway(lab):
    run_under_load(lab, lambda: rekey_many(lab, REKEYS // 2, rekey_from_gateway, "child"))


def test_child_sas_rekeyed_by_the_office(lab):
    run_under_load(lab, lambda: rekey_many(lab, REKEYS // 2, rekey_from_office, "child"))


def test_ike_sas_rekeyed_by_both_in_turn(lab):
    def work():
        for _ in range(10):
            rekey_many(lab, 1, rekey_from_gateway, "ike")
            rekey_many(lab, 1, rekey_from_office, "ike")
    run_under_load(lab, work)


class OneCarries:
    """Whether all packets of office-1 take one Child SA in each direction. Charon may keep another whose rekey met that of its
    IKE SA (RFC 7296 §2.8.2), and each end chooses for itself which of two it sends on; it goes with its lifetime."""

    def __init__(self):
        self.before = {}

    def __call__(self):
        now = {child["unique_id"]: (child["packets_in"], child["packets_out"]) for child in report("office-1")["children"]}
        steps = [{name: now[name][way] - self.before.get(name, (0, 0))[way] for name in now} for way in (0, 1)]
        carriers = [[name for name in step if step[name] > 0] for step in steps]
        if any(len(names) > 1 for names in carriers) or not set(self.before) >= set(now):
            self.before = now  # the change is still going on: from here on again
            return False
        return all(len(names) == 1 and step[names[0]] > 20 for names, step in zip(carriers, steps))


def test_colliding_rekeys(lab):
    """Both ends start at once (RFC 7296 §2.8.1): packets settle on one SA in each direction, and nothing is lost."""
    def work():
        for what in ["child"] * 4 + ["ike"] * 2:
            before = ids("office-1")
            ends = [threading.Thread(target=end, args=(lab, what)) for end in (rekey_from_gateway, rekey_from_office)]
            for end in ends:
                end.start()
            for end in ends:
                end.join()
            wait_for("rekeyed", lambda: ids("office-1") != before, seconds=10)
            wait_for("one Child SA carries all packets of a direction", OneCarries(), seconds=20)
    run_under_load(lab, work)
    assert farspan_json("lab", "check")["agrees"]
