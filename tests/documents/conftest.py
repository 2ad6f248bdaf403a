# SPDX-License-Identifier: Apache-2.0
"""The real controller of tests/controller, and random resources."""
import importlib.util
import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def random_documents(form, count, seed):
    return subprocess.run([os.environ["FARSPAN_RANDOM_DOCUMENTS"], form, str(count), str(seed)], capture_output=True, text=True,
                          check=True).stdout


@pytest.fixture(scope="session")
def resources():
    """2,000 random resources as JSON documents."""
    return [json.loads(line) for line in random_documents("json", 2000, 2026).splitlines()]


@pytest.fixture(scope="session")
def controller(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("controller_conftest", ROOT / "tests/controller/conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    started = module.Controller(tmp_path_factory.mktemp("documents"))
    started.start()
    yield started
    started.stop()
