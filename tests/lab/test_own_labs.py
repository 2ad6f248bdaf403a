"""A lab of one's own: three regions and six offices, one of them behind a NAT, one with IKEv1; twice in a row, and after a crash."""

import os
import pathlib
import shutil
import signal

from conftest import GLOBAL_OFFICES, bring_up, farspan, farspan_json, tunnels

THREE_REGIONS = pathlib.Path(__file__).parent / "three-regions"


def leftovers(name):
    netns = os.popen("ip netns list").read()
    return [line for line in netns.splitlines() if line.startswith("fs-")] + [str(p) for p in pathlib.Path("/run/farspan-lab").glob(name)]


def test_three_regions_and_six_offices_with_a_nat_and_ikev1():
    lab = bring_up(THREE_REGIONS)
    try:
        rows = {name: row for (_, name), row in tunnels().items()}
        assert len([name for name in rows if not name.startswith("link ")]) == 6
        assert rows["lyon"]["is_nat_detected"] and rows["lyon"]["remote"].startswith("198.51.100.91")
        matrix = farspan_json("lab", "check")
        assert matrix["agrees"] and len(matrix["pairs"]) == 9 * 8
        assert sum(pair["icmp"]["reached"] for pair in matrix["pairs"]) >= 6 * 5
    finally:
        farspan("lab", "down")
    assert leftovers("three-regions") == []


def test_up_replaces_what_a_crash_left():
    lab = bring_up(THREE_REGIONS, "--empty")
    supervisor = int((lab.directory / "supervisor.pid").read_text())
    os.kill(supervisor, signal.SIGKILL)
    second = bring_up(THREE_REGIONS, "--empty")
    assert int((second.directory / "supervisor.pid").read_text()) != supervisor
    # Labs share the names of their namespaces: a second one is refused, not mixed with the first.
    refused = farspan("lab", "up", str(GLOBAL_OFFICES), ok=False)
    assert refused.returncode != 0 and "the lab three-regions is up" in refused.stderr
    # Not even the files remain: the namespaces are found by their names.
    os.kill(int((second.directory / "supervisor.pid").read_text()), signal.SIGKILL)
    shutil.rmtree(second.directory)
    bring_up(THREE_REGIONS, "--empty")
    farspan("lab", "down")
    assert leftovers("three-regions") == []
    assert "No lab is up" in farspan("lab", "down")
