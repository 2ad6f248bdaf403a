"""What people type: every command, its output for people and for programs, its exit code, its completion."""

import fcntl
import json
import os
import pathlib
import pty
import re
import socket
import struct
import subprocess
import termios
import time

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/global-offices"
FARSPAN = os.environ.get("FARSPAN", str(ROOT / "build/release/bin/farspan"))
CONTROLLER = os.environ.get("FARSPAN_CONTROLLER_PROGRAM", str(ROOT / "build/release/bin/farspan-controller"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    """A controller that has the example network; no node is connected."""
    place = tmp_path_factory.mktemp("controller")
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen([CONTROLLER, "--state-dir", place / "state", "--listen", address, "--advertise", address,
                                "--api-socket", place / "api.sock"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    path = str(place / "api.sock")
    deadline = time.monotonic() + 20
    while run(path, "version").returncode != 0:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    assert run(path, "apply", "-f", str(EXAMPLE / "0-platform.yaml")).returncode == 0
    yield path
    process.terminate()
    process.wait(timeout=20)


def run(api, *words, stdin=None):
    return subprocess.run([FARSPAN, *words], input=stdin, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "FARSPAN_CONTROLLER": api})


def out(api, *words, stdin=None):
    done = run(api, *words, stdin=stdin)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_plan_changes_nothing_and_apply_does_what_it_said(api):
    files = ["-f", str(EXAMPLE / "1-us-east.yaml")]
    plan = json.loads(out(api, "plan", *files, "-o", "json"))
    assert {change["action"] for change in plan["changes"]} == {"create"}
    assert "No vpc is declared" in out(api, "get", "vpc")
    text = out(api, "plan", *files)
    assert "Nothing was done." in text and "create" in text and "us-east-node" in text
    applied = json.loads(out(api, "apply", *files, "-o", "json"))
    assert applied["changes"] == plan["changes"] and applied["nodes"] == plan["nodes"]
    assert {change["action"] for change in json.loads(out(api, "apply", *files, "-o", "json"))["changes"]} == {"unchanged"}


def test_plan_shows_each_field_and_what_is_cut(api):
    item = json.loads(out(api, "get", "ipsec-connection", "office-1", "-o", "json"))
    item["spec"]["ike"]["lifetime_seconds"] = 7200
    item["spec"]["ike"]["psk"] = "a-key-of-the-test-alone"
    document = json.dumps({key: item[key] for key in ("kind", "name", "description", "spec") if key in item})
    text = out(api, "plan", "-f", "-", stdin=document)
    assert re.search(r"ike.lifetime_seconds +86400 +7200", text) and re.search(r"ike.psk +\(secret\) +\(secret\)", text), text
    assert re.search(r"IpsecConnection office-1 +us-east-node +cut and made anew +IKE lifetime 86400 → 7200; pre-shared key", text), text
    assert "a-key-of-the-test-alone" not in text
    group = out(api, "plan", "-f", "-", stdin="kind: SecurityGroup\nname: app-us-east\nspec: {vpc: us-east, rules: [{direction: ingress, protocol: icmp, peer_cidr: 10.0.0.0/8}]}\n")
    assert re.search(r"SecurityGroup app-us-east +rules\[0\] +\(nothing\) +direction ingress, protocol icmp", group), group
    path = api + ".plan.json"
    pathlib.Path(path).write_text(document)
    shown = on_terminal(api, 80, "plan", "-f", path)
    assert max(map(len, shown.splitlines())) <= 80 and "cut and made anew" in " ".join(shown.split()), shown


def test_the_audit_says_who_did_what(api):
    text = out(api, "audit", "--kind", "vpc", "--name", "us-east")
    assert re.search(r"create +Vpc us-east", text) and "the Unix socket" in text, text
    rows = json.loads(out(api, "audit", "--limit", "5", "--since", "1h", "-o", "json"))["rows"]
    assert len(rows) == 5 and rows[0]["sequence"] > rows[4]["sequence"]
    assert "Nothing that fits" in out(api, "audit", "--who", "somebody-else")
    assert run(api, "audit", "--since", "yesterday").returncode == 2
    shown = on_terminal(api, 80, "audit", "--limit", "20")
    assert max(map(len, shown.splitlines())) <= 80, shown


def test_tokens_are_made_listed_and_taken_back(api, tmp_path):
    file = tmp_path / "token"
    assert out(api, "token", "create", "ci", "--role", "operator", "--expires", "90d", "-f", str(file)) == ""
    assert file.stat().st_mode & 0o777 == 0o600 and len(file.read_text().strip()) == 64
    shown_once = run(api, "token", "create", "other")
    assert len(shown_once.stdout.strip()) == 64 and "only time" in shown_once.stderr
    text = out(api, "token", "list")
    assert re.search(r"ci +operator", text) and re.search(r"other +viewer .* never", text) and file.read_text().strip() not in text
    assert run(api, "token", "create", "ci").returncode == 1
    assert run(api, "token", "create", "x", "--role", "king").returncode == 2
    assert "worth nothing" in out(api, "token", "revoke", "ci")
    out(api, "token", "revoke", "other")
    assert run(api, "token", "revoke", "ci").returncode == 3
    assert "There is no token" in out(api, "token", "list")
    assert ", admin, from the Unix socket" in out(api, "whoami")


def test_old_algorithms_are_taken_with_a_warning(api):
    old = """
kind: IpsecConnection
name: old-device
spec: {vpn_gateway: us-east, customer_gateway: old-device, local_subnets: [0.0.0.0/0], remote_subnets: [10.99.0.0/24],
       ike: {version: ikev1, encryption: 3des, dh_group: group2}, ipsec: {encryption: 3des, integrity: md5, pfs_group: group2}}
---
kind: CustomerGateway
name: old-device
spec: {address: 198.51.100.99}
"""
    text = out(api, "plan", "-f", "-", stdin=old)
    assert "warning: IpsecConnection old-device: ipsec.integrity md5 is broken" in text and "use sha256 if the device can" in text
    plan = json.loads(out(api, "plan", "-f", "-", "-o", "json", stdin=old))
    assert [warning["field"] for warning in plan["warnings"]] == ["ike.encryption", "ike.dh_group", "ipsec.encryption",
                                                                "ipsec.integrity", "ipsec.pfs_group"]
    assert json.loads(out(api, "plan", "-f", str(EXAMPLE / "1-us-east.yaml"), "-o", "json"))["warnings"] == []


def test_several_files_are_one_transaction(api):
    files = [word for name in ("2-shanghai", "3-cen", "4-publish") for word in ("-f", str(EXAMPLE / f"{name}.yaml"))]
    assert "revision" in out(api, "apply", *files)
    twice = run(api, "apply", *files, "-f", str(EXAMPLE / "4-publish.yaml"))
    assert twice.returncode == 1 and "declared twice" in twice.stderr
    out(api, "apply", "-f", str(EXAMPLE / "5-security.yaml"))
    bad = "kind: Vpc\nname: fine\nspec: {region: us-east, cidr_blocks: [172.30.0.0/16]}\n---\nkind: VSwitch\nname: bad\nspec: {vpc: nowhere, cidr: 172.30.1.0/24}\n"
    refused = run(api, "apply", "-f", "-", stdin=bad)
    assert refused.returncode == 1
    assert "VSwitch bad" in refused.stderr and "nowhere" in refused.stderr and ";" in refused.stderr  # resource, value, remedy
    assert run(api, "get", "vpc", "fine").returncode == 3


def test_what_is_got_can_be_applied_again(api):
    for kind in ("vpc", "ipsec-connection", "security-group", "cen-route"):
        for item in json.loads(out(api, "get", kind, "-o", "json"))["items"]:
            document = {key: item[key] for key in ("kind", "name", "description", "spec") if key in item}
            answer = json.loads(out(api, "apply", "-f", "-", "-o", "json", stdin=yaml.safe_dump(document)))
            assert [change["action"] for change in answer["changes"]] == ["unchanged"], document


def test_people_get_tables_and_programs_get_json_and_yaml(api):
    table = out(api, "get", "ipsec-connections")
    assert table.splitlines()[0].split()[:2] == ["NAME", "STATE"] and "office-1" in table
    assert "\033[" not in table  # no colour into a pipe
    listed = json.loads(out(api, "get", "ipsec-connections", "-o", "json"))
    assert yaml.safe_load(out(api, "get", "ipsec-connections", "-o", "yaml")) == listed
    assert "remote_subnets" in out(api, "describe", "ipsec-connection", "office-1")


def test_the_key_is_shown_by_export_and_nowhere_else(api):
    exported = out(api, "export", "ipsec-connection", "office-1", "--format", "swanctl")
    key = next(line.split('"')[1] for line in exported.splitlines() if line.strip().startswith("secret ="))
    assert len(key) >= 16
    for words in (["get", "ipsec-connections", "-o", "json"], ["describe", "ipsec-connection", "office-1"], ["tunnels", "-o", "json"],
                  ["nodes", "-o", "json"], ["plan", "-f", str(EXAMPLE / "1-us-east.yaml"), "-o", "json"]):
        assert key not in out(api, *words)


def test_routes_say_where_they_come_from_and_why(api):
    text = out(api, "routes", "us-east")
    assert "172.17.1.0/24" in text and "cen" in text and "IpsecConnection office-1" in text
    rows = json.loads(out(api, "routes", "us-east", "-o", "json"))["routes"]
    assert all(row["reason"] for row in rows)


def test_reach_says_yes_with_the_way_and_no_with_the_reason(api):
    assert "office-1" in out(api, "reach", "10.10.10.10", "app-shanghai", "--protocol", "tcp", "--port", "80")
    refused = run(api, "reach", "10.10.10.10", "app-shanghai", "--protocol", "tcp", "--port", "22")
    assert refused.returncode == 1 and "SecurityGroup" in refused.stdout


def test_reach_knows_offices_by_name(api):
    answer = json.loads(out(api, "reach", "office-1", "app-shanghai", "--protocol", "tcp", "--port", "80", "-o", "json"))
    assert answer["from"] == "10.10.10.1" and answer["is_reachable"] and answer["path"][0] == "office-1"
    assert json.loads(out(api, "reach", "app-us-east", "office-4", "-o", "json"))["path"][-1] == "office-4"
    # a device with an address behind two connections, and a name of nobody
    stranger = run(api, "reach", "office-1", "office-99")
    assert stranger.returncode == 3 and "office-99 is no address, Instance or office" in stranger.stderr and "IpsecConnection" in stranger.stderr
    out(api, "apply", "-f", "-", stdin="""
kind: CustomerGateway
name: app-us-east
spec: {address: 198.51.100.77}
---
kind: IpsecConnection
name: twin
spec: {vpn_gateway: us-east, customer_gateway: app-us-east, local_subnets: [0.0.0.0/0], remote_subnets: [10.10.77.0/24]}
""")
    twin = run(api, "reach", "app-us-east", "office-1")
    assert twin.returncode == 1 and "may mean Instance app-us-east (172.16.1.10), IpsecConnection twin (10.10.77.1)" in twin.stderr
    out(api, "delete", "ipsec-connection", "twin")
    out(api, "delete", "customer-gateway", "app-us-east")


def test_reach_asks_for_an_address_where_an_office_has_none(api):
    out(api, "apply", "-f", "-", stdin="""
kind: CustomerGateway
name: anywhere
spec: {address: 198.51.100.78}
---
kind: IpsecConnection
name: anywhere
spec: {vpn_gateway: us-east, customer_gateway: anywhere, local_subnets: [0.0.0.0/0], remote_subnets: [0.0.0.0/0]}
""")
    refused = run(api, "reach", "anywhere", "office-1")
    assert refused.returncode == 1 and "anywhere has no address of its own" in refused.stderr and "give the address" in refused.stderr
    out(api, "apply", "-f", "-", stdin="""
kind: VpnRoute
name: anywhere
spec: {vpn_gateway: us-east, destination: 10.10.78.0/24, ipsec_connection: anywhere}
""")
    assert json.loads(run(api, "reach", "anywhere", "office-1", "-o", "json").stdout)["from"] == "10.10.78.1"
    for kind in ("vpn-route", "ipsec-connection", "customer-gateway"):
        out(api, "delete", kind, "anywhere")


def test_an_empty_file_of_a_directory_is_passed_over(api, tmp_path):
    (tmp_path / "a.yaml").write_text("# later\n")
    refused = run(api, "apply", "-f", str(tmp_path))
    assert refused.returncode == 1 and f"{tmp_path}: there is nothing in it" in refused.stderr
    (tmp_path / "b.yaml").write_text("kind: Region\nname: us-east\nspec: {}\n")
    assert "us-east" in out(api, "plan", "-f", str(tmp_path))


def test_an_empty_file_is_named(api, tmp_path):
    for text in ("", "\n# later\n---\n"):
        empty = tmp_path / "empty.yaml"
        empty.write_text(text)
        for words in (["apply", "-f", str(empty)], ["plan", "-f", str(empty)], ["delete", "-f", str(empty)],
                      ["apply", "-f", str(EXAMPLE / "0-platform.yaml"), "-f", str(empty)]):
            refused = run(api, *words)
            assert refused.returncode == 1 and f"{empty}: there is nothing in it" in refused.stderr, refused.stderr
    assert run(api, "apply", "-f", "-", stdin="").returncode == 1


def test_what_cannot_be_read_or_is_too_much_is_said(api, tmp_path):
    unreadable = run(api, "apply", "-f", "/proc/self/mem")
    assert unreadable.returncode == 3 and "cannot read /proc/self/mem" in unreadable.stderr
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * 100_000_000)
    refused = run(api, "apply", "-f", str(large))
    assert refused.returncode == 1 and "16 MiB" in refused.stderr and "split" in refused.stderr
    halves = [tmp_path / "a.yaml", tmp_path / "b.yaml"]  # each is fine, both together are not
    for half in halves:
        half.write_text("kind: Region\nname: us-east\n" + "#" * 15_000_000)
    refused = run(api, "apply", *[word for half in halves for word in ("-f", str(half))])
    assert refused.returncode == 1 and "16 MiB" in refused.stderr, refused.stderr


def test_apply_for_a_revision_that_is_gone_is_refused(api):
    plan = json.loads(out(api, "plan", "-f", str(EXAMPLE / "0-platform.yaml"), "-o", "json"))
    stale = run(api, "apply", "-f", str(EXAMPLE / "0-platform.yaml"), "--revision", str(plan["revision"] - 1))
    assert stale.returncode == 1 and "is not the latest" in stale.stderr
    out(api, "apply", "-f", str(EXAMPLE / "0-platform.yaml"), "--revision", str(plan["revision"]))


def test_describe_leaves_out_what_is_empty(api):
    item = json.loads(out(api, "get", "node", "us-east-node", "-o", "json"))
    assert item["status"]["last_report_seconds_ago"] is None and item["status"]["failures"] == []
    described = yaml.safe_load(out(api, "describe", "node", "us-east-node"))
    assert not {"last_report_seconds_ago", "failures", "dataplane_up"} & set(described["status"])
    assert described["spec"] == item["spec"] and described["status"]["in_force"] is False and described["status"]["generation_in_force"] == 0
    assert json.loads(out(api, "describe", "node", "us-east-node", "-o", "json")) == item


def on_terminal(api, columns, *words):
    """What a terminal of that many columns shows."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen([FARSPAN, *words], stdout=slave, env={**os.environ, "FARSPAN_CONTROLLER": api, "NO_COLOR": "1"})
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 65536):
            shown += chunk
    except OSError:  # the other end was closed
        pass
    os.close(master)
    process.wait(timeout=20)
    return shown.decode().replace("\r\n", "\n")


def test_tables_fit_a_terminal_of_100_columns(api):
    for kind in ("region", "node", "vpc", "ipsec-connection", "instance", "cen-route"):
        shown = on_terminal(api, 100, "get", kind)
        assert shown and max(map(len, shown.splitlines())) <= 100, shown
        whole = out(api, "get", kind)  # a program gets a line per resource
        assert sorted("".join(shown.split())) == sorted("".join(whole.split())), "folded, nothing cut away"
    for words in (["routes", "us-east"], ["tunnels"], ["nodes"], ["plan", "-f", str(EXAMPLE / "0-platform.yaml")]):
        shown = on_terminal(api, 100, *words)
        assert max(map(len, shown.splitlines())) <= 100, shown


def test_a_node_is_revoked_and_enrolled_again(api):
    before = json.loads(out(api, "enrol", "us-east-node"))
    revision = json.loads(out(api, "version", "-o", "json"))["revision"]
    text = out(api, "revoke", "us-east-node")
    assert f"since revision {revision + 1}" in text and "farspan enrol us-east-node" in text
    assert json.loads(out(api, "enrol", "us-east-node"))["token"] != before["token"]
    unknown = run(api, "revoke", "no-node")
    assert unknown.returncode == 3 and "Node no-node: does not exist" in unknown.stderr


def test_withdrawing_what_is_published_names_what_was_done(api):
    refused = run(api, "delete", "vpn-route", "office-1")
    assert refused.returncode == 1
    assert refused.stderr == ("error: VpnRoute office-1: is in use: CenRoute office-1 publishes 10.10.10.0/24 to Cen global; "
                              "delete CenRoute office-1 before or together with it\n")


def test_what_is_not_up_is_not_said_to_be_up(api):
    assert "not connected" in out(api, "nodes")
    states = {row["child_state"] for row in json.loads(out(api, "tunnels", "-o", "json"))["tunnels"]}
    assert "ipsec_sa_established" not in states and states
    assert "not connected" in out(api, "get", "ipsec-connection", "office-1")


def test_deleting_what_is_used_is_refused_by_name(api):
    refused = run(api, "delete", "vpc", "us-east")
    assert refused.returncode == 1 and "us-east" in refused.stderr and "VSwitch us-east-apps" in refused.stderr
    assert run(api, "delete", "cen-route", "no-such").returncode == 3
    assert "delete" in out(api, "delete", "cen-route", "office-1", "office-2")
    out(api, "apply", "-f", str(EXAMPLE / "4-publish.yaml"))


def test_exit_codes(api, tmp_path):
    assert run(api, "frobnicate").returncode == 2
    assert run(api, "get").returncode == 2
    assert run(api, "delete").returncode == run(api, "delete", "vpc").returncode == 2
    assert run(api, "delete", "vpc", "us-east", "-f", str(EXAMPLE / "4-publish.yaml")).returncode == 2
    assert run(api, "get", "vpc", "").returncode == run(api, "reach", "", "office-1").returncode == 2
    assert run(api, "watch", "--revision", "-1").returncode == 2
    assert run(api, "reach", "office-1", "office-2", "--port", "80").returncode == 2
    assert run(api, "get", "vpc", "none").returncode == 3
    assert run(api, "apply", "-f", str(tmp_path / "none.yaml")).returncode == 3
    gone = run(str(tmp_path / "no.sock"), "nodes")
    assert gone.returncode == 4 and "does not answer" in gone.stderr and "--controller" in gone.stderr
    wrong = run(api, "get", "vpcc")
    assert wrong.returncode != 0 and "vpcc" in wrong.stderr


def test_a_mistyped_command_is_named_with_the_one_that_was_meant(api):
    wrong = run(api, "aply", "-f", "x.yaml")
    assert wrong.returncode == 2 and "aply" in wrong.stderr and "did you mean apply?" in wrong.stderr
    assert "farspan --help" in run(api, "frobnicate").stderr


def test_help_and_version_are_there_in_every_spelling(api):
    assert out(api, "help", "lab", "up") == out(api, "lab", "up", "--help")
    assert out(api, "help") == out(api, "--help")
    nothing = run(api)
    assert nothing.returncode == 2 and "apply" in nothing.stdout
    version = out(api, "--version").split()[1]
    assert f"controller {version}," in out(api, "version")


def test_secrets_go_into_files_that_nobody_else_can_read(api, tmp_path):
    bundle, device = tmp_path / "bundle.json", tmp_path / "office-1.conf"
    device.write_text("older")
    device.chmod(0o644)
    assert out(api, "enrol", "us-east-node", "-f", str(bundle)) == ""
    assert out(api, "export", "ipsec-connection", "office-1", "-f", str(device)) == ""
    for file in (bundle, device):
        assert file.stat().st_mode & 0o777 == 0o600, file
    assert json.loads(bundle.read_text())["node"] == "us-east-node" and "secret =" in device.read_text()
    nowhere = run(api, "export", "ipsec-connection", "office-1", "-f", str(tmp_path / "none" / "x"))
    assert nowhere.returncode == 4 and "cannot write" in nowhere.stderr
    assert json.loads(out(api, "export", "ipsec-connections", "office-1", "-o", "json"))


def test_a_dry_run_deletes_nothing(api):
    shown = out(api, "delete", "cen-route", "office-1", "--dry-run")
    assert "Nothing was done." in shown and "office-1" in shown
    assert run(api, "get", "cen-route", "office-1").returncode == 0


def on_keyboard(api, answer, *words):
    """The exit code and the screen of a command on a terminal whose question is answered so."""
    master, slave = pty.openpty()
    process = subprocess.Popen([FARSPAN, *words], stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "FARSPAN_CONTROLLER": api})
    os.close(slave)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(master, 65536)
    os.write(master, answer)
    code = process.wait(timeout=20)
    os.close(master)
    return code, shown.decode()


def test_delete_asks_on_a_terminal(api):
    code, shown = on_keyboard(api, b"n\n", "delete", "cen-route", "office-1")
    assert code == 1 and "Nothing was done." in shown and run(api, "get", "cen-route", "office-1").returncode == 0
    code, _ = on_keyboard(api, b"y\n", "delete", "cen-route", "office-1")
    assert code == 0 and run(api, "get", "cen-route", "office-1").returncode == 3
    out(api, "apply", "-f", str(EXAMPLE / "4-publish.yaml"))


def test_colours_follow_the_stream_they_are_printed_to(api):
    master, slave = pty.openpty()
    done = subprocess.run([FARSPAN, "get", "vpcx"], stdout=slave, stderr=subprocess.PIPE, timeout=20,
                          env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "FARSPAN_CONTROLLER": api})
    os.close(slave)
    os.close(master)
    assert b"error: " in done.stderr and b"\033" not in done.stderr


def test_nodes_and_routes_fit_80_columns(api):
    for words in (["nodes"], ["routes", "us-east"], ["tunnels"]):
        shown = on_terminal(api, 80, *words)
        assert max(map(len, shown.splitlines())) <= 80, shown
        assert "GENERATION" in shown or words != ["nodes"]
    reasons = [row["reason"] for row in json.loads(out(api, "routes", "us-east", "-o", "json"))["routes"]]
    shown = " ".join(on_terminal(api, 80, "routes", "us-east").split())
    assert all(reason in shown for reason in reasons), shown  # no word is cut


def commands_of(api, *path):
    """Every command below `path`, as words."""
    text = out(api, *path, "--help")
    if "Subcommands:" not in text:
        return [list(path)]
    names = [line.split()[0] for line in text.split("Subcommands:")[1].splitlines() if re.match(r"  \S", line)]
    names = [name for name in names if re.fullmatch(r"[a-z]+", name) and name != "farspan"]
    return [command for name in names for command in commands_of(api, *path, name)]


def test_every_command_explains_itself(api):
    commands = commands_of(api)
    assert {"apply", "plan", "get", "describe", "delete", "export", "routes", "tunnels", "revoke", "completion"} <= {words[0] for words in commands}
    assert ["lab", "check"] in commands and len(commands) >= 20
    for words in commands:
        text = out(api, *words, "--help")
        assert re.search(r"Examples?:\n  .*farspan " + " ".join(words), text), text


def shell(api, *command):
    environment = {**os.environ, "FARSPAN_CONTROLLER": api, "PATH": f"{pathlib.Path(FARSPAN).parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return set(done.stdout.split())


def complete(api, line, last='""'):
    """What bash offers for `last` behind `line`."""
    return shell(api, "bash", "-c", f'source <(farspan completion); COMP_WORDS=({line} {last}); '
                                    'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _farspan; echo "${COMPREPLY[@]}"')


def test_bash_completes_commands_kinds_and_names(api):
    assert {"apply", "lab", "tunnels"} <= complete(api, "farspan") and "complete" not in complete(api, "farspan")
    assert {"up", "down", "check"} <= complete(api, "farspan lab")
    assert {"vpc", "cen-route", "all"} <= complete(api, "farspan get")
    assert complete(api, "farspan get vpc") == {"us-east", "shanghai"} and complete(api, "farspan get vpc", "us") == {"us-east"}
    assert complete(api, "farspan export ipsec-connection") == {"office-1", "office-2", "office-3", "office-4"}
    assert complete(api, "farspan revoke") == complete(api, "farspan enrol") == {"us-east-node", "shanghai-node"}
    assert {"office-1", "app-us-east"} <= complete(api, "farspan reach office-4")
    assert complete(api, "farspan reach office-4", "--pr") == {"--protocol"}
    assert complete(api, "farspan reach a b --protocol") == {"icmp", "tcp", "udp"}
    assert complete(api, "farspan get vpc -o") == {"table", "json", "yaml"}
    assert complete(api, "farspan -o json get vpc") == {"us-east", "shanghai"}, "an option's value is no argument"
    assert complete(api, "farspan apply -f") == set(), "bash offers files then"
    assert complete(api, "farspan token") == {"create", "list", "revoke"}
    assert complete(api, "farspan rename vpc us-east") == set()


def test_zsh_and_fish_complete_by_the_same_words(api):
    zsh = """autoload -Uz compinit; compinit -u -D; source <(farspan completion zsh)
compadd() { shift; print -l -- "$@" }
words=(farspan get vpc ''); CURRENT=4; _farspan"""
    assert shell(api, "zsh", "-fc", zsh) == {"us-east", "shanghai"}
    fish = "farspan completion fish | source; complete -C 'farspan get vpc '"
    assert shell(api, "fish", "--no-config", "-c", fish) == {"us-east", "shanghai"}
    fish = "farspan completion fish | source; complete -C 'farspan token '"
    assert {"create", "list", "revoke"} <= shell(api, "fish", "--no-config", "-c", fish)


NASTY = ["on", "007", "80", "null", "2024-01-01", "1e3", "12:30:45", "172.16.1.10", "~", "- a: b", "# no", "字 \U0001f600"]


@pytest.mark.parametrize("output", ["yaml", "json"])
def test_the_whole_network_goes_out_and_in_and_nothing_changes(api, output):
    nasty = "".join(f"---\nkind: Region\nname: nasty-{i}\ndescription: {json.dumps(text, ensure_ascii=False)}\n" for i, text in enumerate(NASTY))
    out(api, "apply", "-f", "-", stdin=nasty)
    for kind in ["all", "region", "security-group", "ipsec-connection"]:
        text = out(api, "get", kind, "-o", output)
        answer = json.loads(out(api, "apply", "-f", "-", "-o", "json", stdin=text))
        assert {change["action"] for change in answer["changes"]} == {"unchanged"}, kind
    everything = yaml.safe_load(out(api, "get", "all", "-o", output))["items"]
    assert {item["description"] for item in everything if item["name"].startswith("nasty-")} == set(NASTY)
    assert {"Region", "Node", "IpsecConnection", "CenRoute"} <= {item["kind"] for item in everything}
    assert "psk" not in json.dumps(everything)
    out(api, "delete", "region", *[f"nasty-{i}" for i in range(len(NASTY))])


def test_each_fault_names_its_own_file_line_and_column(api, tmp_path):
    (tmp_path / "1.yaml").write_text("kind: Region\nname: one\n")
    (tmp_path / "2.yaml").write_text("\ufeffkind: Region\nname: two\nspec:\n  colour: red\n")
    (tmp_path / "3.json").write_text('[{"kind": "Region", "name": "three", "description": "\\ud83d\\ude00"},\n {"kind": "Volcano", "name": "v"}]')
    (tmp_path / "4.yaml").write_text("kind: VSwitch\nname: web\nspec:\n  vpc: nowhere\n  cidr: 172.30.1.0/24\n")
    (tmp_path / "lab.yaml").write_text("hosts: no resource\n")  # of farspan lab
    refused = run(api, "apply", "-f", str(tmp_path))
    assert refused.returncode == 1
    assert f"colour is not a field of Region ({tmp_path}/2.yaml:4:3)" in refused.stderr
    assert f"Volcano is not a kind ({tmp_path}/3.json:2:11)" in refused.stderr
    (tmp_path / "2.yaml").unlink()
    (tmp_path / "3.json").write_text((tmp_path / "3.json").read_text().replace("Volcano", "Region"))
    refused = run(api, "apply", "-f", str(tmp_path))  # and what rules between resources find
    assert f"nowhere does not exist ({tmp_path}/4.yaml:4:8)" in refused.stderr
    (tmp_path / "4.yaml").unlink()
    out(api, "apply", "-f", str(tmp_path))
    assert json.loads(out(api, "get", "region", "three", "-o", "json"))["description"] == "\U0001f600"
    out(api, "delete", "region", "one", "three", "v")


def test_no_refusal_repeats_a_key(api):
    text = '{"kind":"IpsecConnection","name":"x","spec":{"ike":{"psk":"TopSecret\\q"}}}'
    refused = run(api, "apply", "-f", "-", stdin=text)
    assert refused.returncode == 1 and "unknown escape" in refused.stderr and "TopSecret" not in refused.stderr + refused.stdout


def test_fifty_faults_are_told_and_the_others_counted(api):
    text = "".join(f"---\nkind: VSwitch\nname: v{i}\nspec: {{vpc: nowhere, cidr: 172.30.1.0/24}}\n" for i in range(200))
    refused = run(api, "apply", "-f", "-", stdin=text)
    assert refused.returncode == 1 and len(refused.stderr.splitlines()) == 51
    assert "more faults" in refused.stderr.splitlines()[-1]


def test_explain_says_what_a_field_means_without_a_controller():
    def explain(*words):
        return subprocess.run([FARSPAN, "explain", *words], capture_output=True, text=True, timeout=30)

    assert "IpsecConnection" in explain().stdout
    text = explain("ipsec-connection.ike.lifetime_seconds").stdout
    assert "60 to 86400 seconds" in text and "86400" in text
    assert explain("vpc.cdir_blocks").returncode == 3 and "cidr_blocks" in explain("vpc.cdir_blocks").stderr
    reference = pathlib.Path(__file__).parents[2] / "docs/resources.md"
    assert explain("--reference").stdout == reference.read_text()


def test_bash_completes_kinds_and_fields_by_the_same_source(api):
    assert {"Vpc", "Vpc.cidr_blocks", "IpsecConnection.ike.encryption"} <= complete(api, "farspan explain")
    assert {"all", "vpc", "cen-route"} <= complete(api, "farspan get")


def test_a_list_is_chosen_by_labels(api):
    def chosen(selector, *words):
        return {item["name"] for item in json.loads(out(api, "get", "customer-gateway", "--selector", selector, *words, "-o", "json"))["items"]}

    documents = [("lab-1", {"site": "berlin", "team.example": "net"}), ("lab-2", {"site": "berlin"}), ("lab-3", {"site": "rome"})]
    out(api, "apply", "-f", "-", stdin="".join(
        f"---\nkind: CustomerGateway\nname: {name}\nlabels: {json.dumps(labels)}\nspec: {{address: 100.9.0.{i + 1}}}\n"
        for i, (name, labels) in enumerate(documents)))
    assert chosen("site=berlin") == {"lab-1", "lab-2"}
    assert chosen("site=berlin,team.example=net") == {"lab-1"}
    assert chosen("site=berlin", "--where", "spec.address=100.9.0.2") == {"lab-2"}
    assert chosen("site=paris") == chosen("tier=berlin") == set()
    refused = run(api, "get", "customer-gateway", "-l", "berlin")
    assert refused.returncode == 1 and "labels.berlin" in refused.stderr and "FIELD=VALUE" in refused.stderr
    out(api, "delete", "-f", "-", stdin="".join(f"---\nkind: CustomerGateway\nname: {name}\n" for name, _ in documents))
