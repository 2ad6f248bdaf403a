"""What the agent must do, with the programs it does it with: enrolment, ports, restarts of everybody."""

import signal
import stat
import subprocess

import pytest

from node_rig import NETWORK, Rig, instance, wait_for


@pytest.fixture
def rig():
    rig = Rig()
    try:
        rig.start_controller()
        rig.ask("POST", "/v1/apply", NETWORK)
        rig.enrol()
        rig.start_dataplane()
        rig.start_agent()
        wait_for("the node's session", lambda: rig.node()["connected"])
        rig.add_netns("fsat-app")
        rig.apply(instance("app", "fsat-app", "172.16.1.10"))
        yield rig
    except BaseException:
        for name in ("agent", "controller", "dataplane"):
            log = rig.directory / f"{name}.log"
            if log.exists():
                print(f"---- {name}\n{log.read_text()[-3000:]}")
        raise
    finally:
        rig.close()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_enrolment_uses_the_bundle_up_and_keeps_the_key(rig):
    assert not rig.bundle.exists()
    for name in ("node.key", "node.crt", "ca.crt", "node_state.bin"):
        assert mode(rig.state / name) == 0o600, name
    assert mode(rig.state) == 0o700
    key = (rig.state / "node.key").read_text()
    assert "PRIVATE KEY" in key and key not in rig.log("agent") + rig.log("controller")


def test_an_instance_gets_its_device_and_reaches_its_gateway(rig):
    device = rig.device("fsat-app")
    assert device["mtu"] == 1500 and device["address"].startswith("02:f5:")
    assert device["gso_max_size"] == 61440
    assert [(a["local"], a["prefixlen"]) for a in device["addr_info"] if a["family"] == "inet"] == [("172.16.1.10", 24)]
    assert "default via 172.16.1.253 dev eth0" in rig.default_route("fsat-app")
    assert rig.pings("fsat-app")


def test_a_namespace_that_comes_late_is_named_and_then_used(rig):
    rig.add_netns("fsat-late")
    rig.delete_netns("fsat-late")
    rig.apply(instance("late", "fsat-late", "172.16.1.11"))
    failure = wait_for("the failure", lambda: rig.node()["failures"])
    assert failure[0]["item"] == "Instance late" and "fsat-late does not exist" in failure[0]["reason"]
    assert rig.pings("fsat-app"), "the other instance does not wait"
    rig.add_netns("fsat-late")
    wait_for("the device", lambda: rig.device("fsat-late"), seconds=2)
    wait_for("an answer", lambda: rig.pings("fsat-late", to="172.16.1.10"))
    wait_for("no failure", lambda: not rig.node()["failures"])


def test_an_instance_that_is_deleted_loses_its_device(rig):
    rig.delete("Instance", "app")
    wait_for("its end", lambda: rig.device("fsat-app") is None)
    rig.apply(instance("again", "fsat-app", "172.16.1.12"))
    wait_for("an answer", lambda: rig.pings("fsat-app"))


def test_a_namespace_that_is_made_anew_gets_its_device_back(rig):
    rig.delete_netns("fsat-app")
    rig.add_netns("fsat-app")
    wait_for("an answer", lambda: rig.pings("fsat-app"))


def test_packets_flow_while_the_agent_dies_and_comes_back(rig):
    index = rig.device("fsat-app")["ifindex"]
    ping = subprocess.Popen(["ip", "netns", "exec", "fsat-app", "ping", "-n", "-q", "-c", "150", "-i", "0.02", "-W", "1",
                             "172.16.1.253"], stdout=subprocess.PIPE, text=True)
    rig.kill("agent")
    rig.start_agent()
    wait_for("the node's session", lambda: rig.log("agent").count("is on disk") == 2 or rig.node()["connected"])
    output = ping.communicate()[0]
    assert "150 received" in output, output
    assert rig.device("fsat-app")["ifindex"] == index
    assert "refused" not in rig.log("agent")


def test_sigterm_ends_the_agent_and_leaves_forwarding_untouched(rig):
    assert rig.kill("agent", signal.SIGTERM) == 0
    assert rig.pings("fsat-app", count=20)


def test_a_data_plane_that_was_killed_gets_everything_back(rig):
    index = rig.device("fsat-app")["ifindex"]
    rig.kill("dataplane")
    assert not rig.pings("fsat-app")
    rig.start_dataplane()
    wait_for("an answer", lambda: rig.pings("fsat-app"))
    assert rig.device("fsat-app")["ifindex"] == index, "the device and its addresses stayed"


def test_without_a_controller_the_node_comes_up_with_what_it_has_on_disk(rig):
    for name in ("controller", "agent", "dataplane"):
        rig.kill(name)
    rig.start_dataplane()
    rig.start_agent()
    wait_for("an answer", lambda: rig.pings("fsat-app"))
    rig.start_controller()
    wait_for("the node's session", lambda: rig.node()["connected"], seconds=15)
    assert not rig.node()["failures"] or rig.node()["failures"][0]["item"] != "Instance app"


def test_a_device_of_a_port_that_went_while_the_agent_was_dead_is_removed(rig):
    rig.kill("agent")
    rig.delete("Instance", "app")
    rig.start_agent()
    wait_for("its end", lambda: rig.device("fsat-app") is None)


def test_a_state_that_cannot_be_read_is_replaced_by_a_snapshot(rig):
    rig.kill("agent")
    (rig.state / "node_state.bin").write_bytes(b"\xff\xff")
    rig.start_agent()
    wait_for("the state", lambda: (rig.state / "node_state.bin").read_bytes() != b"\xff\xff")
    assert rig.pings("fsat-app")
    assert "node_state.bin" in rig.log("agent")


def test_a_used_token_enrols_nobody_else(rig):
    rig.kill("agent")
    rig.enrol()
    used = rig.bundle.read_text()
    for name in ("node.crt", "node.key", "ca.crt"):
        (rig.state / name).unlink()
    rig.start_agent()
    # An agent killed while it writes goes on with identity.next when it starts again.
    wait_for("a new certificate", lambda: (rig.state / "node.crt").exists() and not (rig.state / "identity.next").exists())
    rig.kill("agent")
    for name in ("node.crt", "node.key"):
        (rig.state / name).unlink()
    rig.bundle.write_text(used)
    rig.start_agent()
    wait_for("the refusal", lambda: "the controller answered" in rig.log("agent"))
    assert not (rig.state / "node.crt").exists()
