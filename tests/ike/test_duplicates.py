# SPDX-License-Identifier: Apache-2.0
"""Both ends make the tunnel at one moment: two IKE SAs stand, and one of them goes without a moment's interruption."""
import os
import re
import signal
import subprocess

from lab import wait_for


def node_swanctl(node, *words):
    return subprocess.run(["/usr/sbin/swanctl", *words, "--uri", f"unix://{node.dir}/charon.vici"], capture_output=True, text=True,
                          env=os.environ | {"STRONGSWAN_CONF": str(node.dir / "strongswan.conf")}).stdout


def established(listing):
    """{IKE SA by its SPIs: {(inbound SPI, outbound SPI) of each Child SA that is not replaced yet}}"""
    found, current, child = {}, None, None
    for line in listing.splitlines():
        if ike := re.match(r"\S.*: #\d+, (\w+), IKEv\d, ([0-9a-f]{16})_i\*? ([0-9a-f]{16})_r", line):
            current = found.setdefault(ike.groups()[1:], set()) if ike[1] == "ESTABLISHED" else None
        elif state := re.match(r"\s+\S+: #\d+, reqid \d+, (\w+),", line):
            child = [] if current is not None and state[1] in ("INSTALLED", "REKEYING") else None
        elif child is not None and (spi := re.match(r"\s+(?:in|out)\s+([0-9a-f]{8})", line)):
            child.append(spi[1])
            if len(child) == 2:
                current.add(tuple(child))
    return found


def initiate_at_once(node, office):
    """Both charons find their order when they wake in the same moment."""
    name = re.search(r"^(t1-\w+):", node_swanctl(node, "--list-conns"), re.MULTILINE)[1]
    charons = [end.charon.child for end in (node, office)]
    for charon in charons:
        charon.send_signal(signal.SIGSTOP)
    orders = []
    try:
        give_orders(node, office, name, orders)
    finally:
        for charon in charons:
            charon.send_signal(signal.SIGCONT)
    for order in orders:
        order.wait(20)
    return name


def give_orders(node, office, name, orders):
    for end, words in ((node, ["--child", "esp", "--ike", name]), (office, ["--child", "net"])):
        orders.append(subprocess.Popen(["/usr/sbin/swanctl", "--initiate", *words, "--uri", f"unix://{end.dir}/charon.vici"],
                                       env=os.environ | {"STRONGSWAN_CONF": str(end.dir / "strongswan.conf")},
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    for end, namespace in ((node, "ike-node"), (office, "ike-office")):  # each order waits to be accepted
        wait_for(lambda: f"{end.dir}/charon.vici" in waiting_connections(namespace), what="the order given")


def waiting_connections(namespace):
    """Paths of the sockets that somebody connected to and whose owner has not accepted it yet."""
    rows = subprocess.run(["ip", "netns", "exec", namespace, "ss", "-xlnH"], capture_output=True, text=True, check=True).stdout
    return {fields[4] for fields in map(str.split, rows.splitlines()) if int(fields[2]) > 0}


def two_ike_sas(node, office):
    for _ in range(20):
        name = initiate_at_once(node, office)
        here = established(node_swanctl(node, "--list-sas"))
        # At both: an INITIAL_CONTACT that came in time makes its receiver drop the other without a word (RFC 7296 §2.4).
        if len(here) == 2 and all(here.values()) and mirrored(established(office.swanctl("--list-sas"))) == here:
            return here
        node_swanctl(node, "--terminate", "--ike", name)
        office.swanctl("--terminate", "--ike", "net")
        wait_for(lambda: not established(node_swanctl(node, "--list-sas")) and not established(office.swanctl("--list-sas")))
    raise AssertionError("both ends never made an IKE SA at the same moment")


def mirrored(sas):
    return {ike: {(outbound, inbound) for inbound, outbound in children} for ike, children in sas.items()}


def test_two_ike_sas_made_at_one_moment_become_one(ends):
    node, office = ends
    office.configure()
    node.want(start=0)
    assert node.apply() == []
    before = two_ike_sas(node, office)
    shown = node.is_up()
    assert len(shown["children"]) == sum(map(len, before.values())), "what may carry packets is shown"

    def one_is_left():
        assert node.is_up(), "the tunnel is never down meanwhile"
        here = established(node_swanctl(node, "--list-sas"))
        assert set().union(*here.values()), "there is always a Child SA"
        return len(here) == 1 and here

    left = wait_for(one_is_left, 40, "one IKE SA is ended")
    ike, = left
    assert ike in before and not left[ike] & before[ike], "its Child SA was replaced first: both ends send on what stays"
    wait_for(lambda: mirrored(established(office.swanctl("--list-sas"))) == established(node_swanctl(node, "--list-sas")), 20,
             "the office has the same one IKE SA and Child SA")
    sends_on = [policy["spi"] for policy in node.ask_dataplane()["policies"] if policy["direction"] == 1][-1]
    assert sends_on in {outbound for _, outbound in left[ike]}
    assert node.is_up()["cause"] == ""
