"""The five files of examples/global-offices, applied in order; each step does exactly what its text says."""

from conftest import (APPS, GLOBAL_OFFICES, HOSTS, OFFICES, apply, all_in_force, each_stands_once, farspan, farspan_json, tunnel_is_up,
                      tunnels, wait_for)

FIFTH_OFFICE = """
kind: CustomerGateway
name: office-5
spec: {address: 198.51.100.15}
---
kind: IpsecConnection
name: office-5
spec:
  vpn_gateway: us-east
  customer_gateway: office-5
  local_subnets: [0.0.0.0/0]
  remote_subnets: [10.10.30.0/24]
"""


def reachable(lab, pairs):
    """Those of `pairs` (from, to) that answer a ping."""
    return {(a, b) for a, b in pairs if lab.pings(a, HOSTS[b])}


def pairs(left, right):
    return {(a, b) for a in left for b in right if a != b}


def test_before_anything_is_declared_nobody_reaches_anybody(empty_lab):
    lab = empty_lab
    assert reachable(lab, {("office-1", "office-2"), ("office-1", "office-3"), ("office-3", "office-4")}) == set()


def test_step_1_offices_of_us_east_meet_at_their_gateway(empty_lab):
    lab = empty_lab
    apply("1-us-east.yaml")
    for office in ("office-1", "office-2"):
        lab.load_office(office)
    for office in ("office-1", "office-2"):
        wait_for(f"tunnel of {office}", lambda: tunnel_is_up(office))
    assert lab.pings("office-1", OFFICES["office-2"], count=3)
    assert lab.pings("office-2", OFFICES["office-1"], count=3)
    assert lab.http("office-1", OFFICES["office-2"]) == "office-2"
    assert not lab.pings("office-1", APPS["app-us-east"])  # the security group has no rule yet
    assert lab.http("office-1", APPS["app-us-east"]) is None
    assert reachable(lab, pairs({"office-1"}, {"office-3", "office-4", "app-shanghai"})) == set()


def test_step_2_shanghai_likewise(empty_lab):
    lab = empty_lab
    apply("2-shanghai.yaml")
    for office in ("office-3", "office-4"):
        lab.load_office(office)
    for office in ("office-3", "office-4"):
        wait_for(f"tunnel of {office}", lambda: tunnel_is_up(office))
    assert lab.pings("office-3", OFFICES["office-4"], count=3)
    assert reachable(lab, pairs({"office-1", "office-2"}, {"office-3", "office-4"})) == set()


def test_step_3_the_vpcs_learn_each_other_and_offices_do_not_cross(empty_lab):
    lab = empty_lab
    apply("3-cen.yaml")
    wait_for("link", lambda: all(row["child_state"] == "ipsec_sa_established"
                                 for (_, name), row in tunnels().items() if name.startswith("link ")) and
             any(name.startswith("link ") for _, name in tunnels()))
    routes = {(row["destination"], row["origin"]) for row in farspan_json("routes", "us-east")["routes"] if row["state"] == "active"}
    assert ("172.17.1.0/24", "cen") in routes
    assert not any(destination.startswith("10.20.") for destination, _ in routes)
    assert reachable(lab, pairs({"office-1", "office-2"}, {"office-3", "office-4"})) == set()
    assert not lab.pings("app-us-east", APPS["app-shanghai"])  # until the security group allows it


def test_step_4_published_vpn_routes_join_the_offices_of_the_world(empty_lab):
    lab = empty_lab
    apply("4-publish.yaml")
    everyone = pairs(OFFICES, OFFICES)
    assert reachable(lab, everyone) == everyone
    assert lab.http("office-1", OFFICES["office-3"]) == "office-3"
    assert not lab.pings("office-1", APPS["app-shanghai"])


def test_step_5_security_groups_open_tcp_80_and_icmp_and_nothing_else(empty_lab):
    lab = empty_lab
    apply("5-security.yaml")
    for office in OFFICES:
        for app, address in APPS.items():
            assert lab.pings(office, address), (office, app)
            assert lab.http(office, address) == app
    listener = lab.start("app-us-east", "python3", "-m", "http.server", "8080")
    try:
        wait_for("the second web server", lambda: lab.run("app-us-east", "curl", "-s", "-m", "1",
                                                          f"http://{APPS['app-us-east']}:8080/").returncode == 0)
        assert lab.run("office-1", "curl", "-s", "-m", "2", f"http://{APPS['app-us-east']}:8080/").returncode != 0
    finally:
        listener.kill()
        listener.wait()
    assert farspan("lab", "check", ok=False).returncode == 0


def test_a_fifth_office_touches_nobody(empty_lab):
    lab = empty_lab
    wait_for("each tunnel stands once", lambda: each_stands_once(lab), 60)
    before = {key: (row["ike_id"], [child["unique_id"] for child in row["children"]]) for key, row in tunnels().items()}
    ping = lab.start("office-1", "ping", "-n", "-q", "-i", "0.01", "-c", "300", OFFICES["office-4"])
    farspan("apply", "-f", "-", stdin=FIFTH_OFFICE)
    wait_for("the fifth office in force", all_in_force)
    output = ping.communicate(timeout=60)[0]
    assert " 0% packet loss" in output, output
    after = tunnels()
    assert {key: (after[key]["ike_id"], [child["unique_id"] for child in after[key]["children"]]) for key in before} == before
    assert any(name == "office-5" for _, name in after)


def test_withdrawing_a_published_route_takes_it_away_within_a_second(empty_lab):
    lab = empty_lab
    routes = [item for item in farspan_json("get", "cen-route")["items"] if item["spec"]["destination"] == "10.20.10.0/24"]
    assert len(routes) == 1
    assert lab.pings("office-1", OFFICES["office-3"])
    farspan("delete", "cen-route", routes[0]["name"])
    wait_for("withdrawal everywhere", lambda: not lab.pings("office-1", OFFICES["office-3"], patience=0.3), seconds=1.0)
    assert not any(row["destination"] == "10.20.10.0/24" for row in farspan_json("routes", "us-east")["routes"])
    assert lab.pings("office-1", OFFICES["office-4"])  # the others stay
    apply("4-publish.yaml")
    assert lab.pings("office-1", OFFICES["office-3"], count=2)


def test_deleting_everything_leaves_both_nodes_empty(empty_lab):
    lab = empty_lab
    farspan("delete", "-f", "-", stdin=FIFTH_OFFICE)
    documents = "\n---\n".join((GLOBAL_OFFICES / name).read_text() for name in
                               ["1-us-east.yaml", "2-shanghai.yaml", "3-cen.yaml", "4-publish.yaml", "5-security.yaml"])
    farspan("delete", "-f", "-", stdin=documents)
    wait_for("empty nodes", all_in_force)
    assert tunnels() == {}
    for node in ("us-east-node", "shanghai-node"):
        wait_for(f"no connection in charon of {node}", lambda: lab.node_swanctl(node, "--list-conns").stdout.strip() == "")
        assert lab.node_swanctl(node, "--list-sas").stdout.strip() == ""
    for app in APPS:
        assert "eth0" not in lab.run(app, "ip", "-br", "link").stdout
    assert reachable(lab, pairs(OFFICES, OFFICES)) == set()
