"""An office behind a wire that carries less than anybody says: ICMP is filtered on the way, and everything arrives nevertheless."""

import re

import pytest
import yaml

from conftest import GLOBAL_OFFICES, HOSTS, farspan, tunnels, wait_for

WIRE = 1300
SIZE = 3 << 20


@pytest.fixture(scope="module")
def quiet_lab(lab):
    """The internet says nothing of packets that are too big, and office-1's wire, which its router knows, is a small one."""
    address = lab.run("office-1-router", "ip", "-4", "-o", "addr", "show", "wan0").stdout.split()[3].split("/")[0]
    device = re.search(r"dev (\S+)", lab.run("internet", "ip", "route", "get", address).stdout).group(1)
    for host, name in (("internet", device), ("office-1-router", "wan0")):
        assert lab.run(host, "ip", "link", "set", name, "mtu", str(WIRE)).returncode == 0
    rules = ("add table ip quiet; add chain ip quiet output { type filter hook output priority 0; }; "
             "add rule ip quiet output icmp type destination-unreachable drop")
    assert lab.run("internet", "nft", rules).returncode == 0
    return lab


def transfer(lab, here, there, tmp_path):
    root = lab.directory / there / "www"
    (root / "blob").write_bytes(bytes(SIZE))
    try:
        done = lab.run(here, "curl", "-s", "-m", "60", "-o", "/dev/null", "-w", "%{size_download}",
                       f"http://{HOSTS[there]}/blob", timeout=90)
        return int(done.stdout)
    finally:
        (root / "blob").unlink()


def test_datagrams_without_df_are_broken_up_on_the_way(quiet_lab):
    assert quiet_lab.pings("app-us-east", HOSTS["office-1"], size=1372, df=False, count=3)


def test_tcp_passes_both_ways_and_the_tunnel_says_why_it_is_smaller(quiet_lab, tmp_path):
    for here, there in (("office-1", "app-us-east"), ("app-us-east", "office-1")):
        assert transfer(quiet_lab, here, there, tmp_path) == SIZE
    path = wait_for("the black hole to be told", lambda: [
        row["path_mtu"] for (_, name), row in tunnels().items()
        if name == "office-1" and row["path_mtu"] and row["path_mtu"]["origin"] == "black_hole"])[0]
    assert path["mtu"] <= WIRE < path["route_mtu"] and path["warning"]
    assert "larger packets vanish" in farspan("tunnels")
    others = [row["path_mtu"] for (_, name), row in tunnels().items() if name != "office-1" and row["path_mtu"]]
    assert all(other["mtu"] == other["route_mtu"] for other in others)


def test_with_df_the_sender_is_told_now(quiet_lab):
    told = quiet_lab.run("app-us-east", "ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-M", "do", "-s", "1372",
                         HOSTS["office-1"])
    mtus = [int(mtu) for mtu in re.findall(r"mtu ?= ?(\d+)", told.stdout + told.stderr)]
    assert mtus and quiet_lab.pings("app-us-east", HOSTS["office-1"], size=min(mtus) - 28, df=True, count=2)


def test_what_is_declared_is_in_force_at_once_and_told(quiet_lab):
    documents = yaml.safe_load_all((GLOBAL_OFFICES / "1-us-east.yaml").read_text())
    connection = next(each for each in documents if each["kind"] == "IpsecConnection" and each["name"] == "office-2")
    connection["spec"]["mtu"] = 1200
    farspan("apply", "-f", "-", stdin=yaml.safe_dump(connection))

    def declared():
        quiet_lab.pings("app-us-east", HOSTS["office-2"])
        path = next(row["path_mtu"] for (_, name), row in tunnels().items() if name == "office-2")
        return path and path["origin"] == "declared" and path

    path = wait_for("the declared MTU in force", declared, seconds=10)
    assert path["mtu"] == 1200 < path["route_mtu"]
    assert "as its IpsecConnection says" in farspan("tunnels")
    assert quiet_lab.pings("app-us-east", HOSTS["office-2"], size=1100, df=True, count=2)
    assert not quiet_lab.pings("app-us-east", HOSTS["office-2"], size=1172, df=True)
