# SPDX-License-Identifier: Apache-2.0
import contextlib
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
import lab  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    setattr(item, "report_" + outcome.get_result().when, outcome.get_result())


@pytest.fixture
def network():
    if os.geteuid() != 0:
        pytest.skip("needs root: network namespaces")
    lab.make_network()
    yield
    lab.remove_network()


def show(name, path):
    if path.exists():
        print(f"==== {name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-60:]))


@pytest.fixture
def ends(network, tmp_path, request):
    """(node, office), both started, nothing configured. A failure prints the ends of their logs."""
    with contextlib.ExitStack() as started:
        node = lab.Node(tmp_path / "node")
        started.callback(node.end)
        office = lab.Office(tmp_path / "office")
        started.callback(office.end)
        lab.wait_for(lambda: (node.ask_dataplane() or {}).get("connected"), what="charon connects to the data plane")
        yield node, office
        state = node.ask_dataplane()
    if getattr(request.node, "report_call", None) and request.node.report_call.failed:
        print(state)
        show("node charon", node.dir / "charon.log")
        show("node charon's output", node.dir / "charon.out")
        show("stand-in", node.dir / "stand-in.log")
        show("office charon", office.dir / "charon.log")
    elif state:
        assert state["errors"] == []
