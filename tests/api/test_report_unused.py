"""`entrepot report unused`: what nobody pushed or pulled for a while, and what its end would free."""

import json

import pytest

from harness.api import Api
from harness.server import ACCOUNT, REGION, Server, run_entrepot
from harness.v2 import pattern


def unused(server: Server, *flags: str) -> list[dict]:
    outcome = run_entrepot("report", "unused", "--data-dir", server.data_dir, "--json", *flags)
    assert outcome.returncode == 0, outcome.stderr
    return [json.loads(line) for line in outcome.stdout.splitlines()]


@pytest.fixture
def stored(own_server):
    """Two repositories that share nothing, the larger one last."""
    for name, size in (("report/small", 1_000), ("report/large", 50_000)):
        own_server.client("ecr").create_repository(repositoryName=name)
        Api(own_server, name).push_image("v1", pattern(size))
    return own_server


def test_nothing_that_is_new_is_unused(stored):
    assert unused(stored) == []
    assert unused(stored, "--days", "1") == []
    outcome = run_entrepot("report", "unused", "--data-dir", stored.data_dir, "--days", "1")
    assert outcome.stdout == "Nothing: all there is was pushed or pulled within 1 days.\n"


def test_repositories_that_hold_most_come_first(stored):
    large, small = unused(stored, "--days", "0")
    assert (large["kind"], large["repository"], small["repository"]) == ("repository", "report/large", "report/small")
    assert (large["account"], large["region"], large["images"]) == (ACCOUNT, REGION, 1)
    assert large["freed_bytes"] > 50_000 and 1_000 < small["freed_bytes"] < 50_000
    assert large["last_pull"] is None and large["last_push"].endswith("Z")


def test_a_pull_that_is_not_yet_written_counts(stored):
    Api(stored, "report/small").get_image(imageTag="v1")
    assert [entry["last_pull"] is None for entry in unused(stored, "--days", "0")] == [True, False]


def test_without_a_server_and_for_a_person(stored):
    Api(stored, "report/small").get_image(imageTag="v1")
    stored.stop()
    outcome = run_entrepot("report", "unused", "--data-dir", stored.data_dir, "--days", "0")
    assert outcome.returncode == 0, outcome.stderr
    large, small = outcome.stdout.splitlines()
    assert "report/large (1 images): last pushed 2" in large and "last pulled never" in large
    assert "report/small" in small and "last pulled 2" in small


@pytest.mark.parametrize("days", ["-1", "many", "1.5", "36501"])
def test_days_that_are_none(stored, days):
    outcome = run_entrepot("report", "unused", "--data-dir", stored.data_dir, f"--days={days}")
    assert outcome.returncode == 3 and "--days" in outcome.stderr
