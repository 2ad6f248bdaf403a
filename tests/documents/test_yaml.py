# SPDX-License-Identifier: Apache-2.0
"""YAML that we print, read by a reader of YAML 1.1: every text stays a text."""
import yaml

from conftest import random_documents


def test_yaml_1_1_reads_what_json_says(resources):
    assert list(yaml.safe_load_all(random_documents("yaml", 2000, 2026))) == resources


def test_the_texts_that_formats_get_wrong_are_among_them(resources):
    descriptions = {resource.get("description") for resource in resources}
    assert {"on", "007", "80", "1e3", "null", "2024-01-01", "12:30:45", "172.16.1.10", "0x10"} <= descriptions
