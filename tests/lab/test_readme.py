"""The walkthrough of examples/global-offices/README.md, word for word: every command does what the text says."""

import os
import pathlib
import re
import subprocess

from conftest import FARSPAN, GLOBAL_OFFICES, ROOT, all_in_force, farspan, farspan_json, wait_for


def commands(text):
    """(command, must it fail) of every line in a block marked sh."""
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.strip().splitlines():
            command, _, remark = line.partition("  #")
            yield command.strip(), remark.strip() == "fails"


def settled():
    """Every node has its newest state and every declared tunnel that can come up is up."""
    if not all_in_force():
        return False
    loaded = {row["name"] for row in farspan_json("lab", "status")["hosts"] if (pathlib.Path("/run/farspan-lab/global-offices") / row["name"] / "swanctl/swanctl.conf").exists()}
    return all(row["child_state"] == "ipsec_sa_established" for row in farspan_json("tunnels")["tunnels"]
               if row["connection"] is None or row["connection"] in loaded)


def test_the_walkthrough_word_for_word():
    path = f"{pathlib.Path(FARSPAN).parent}:{os.environ['PATH']}"
    try:
        for command, must_fail in commands((GLOBAL_OFFICES / "README.md").read_text()):
            if command.startswith("export PATH="):
                continue  # this build's programs are first in PATH already
            if farspan("version", ok=False).returncode == 0 and not command.startswith("farspan lab down"):
                wait_for("what was declared before is in force", settled, seconds=30)
            done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=ROOT, capture_output=True, text=True,
                                  timeout=120, env={**os.environ, "PATH": path})
            assert (done.returncode != 0) == must_fail, f"{command}\n{done.stdout}{done.stderr}"
    finally:
        farspan("lab", "down", "--lab", "global-offices", ok=False)
