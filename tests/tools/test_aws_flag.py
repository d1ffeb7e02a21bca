"""--aws: the tests of the ECR API against a registry that they did not start. Here it is one of ours, which AWS's
environment names."""

import subprocess
import sys

from harness.server import ROOT, Server


def run_with_aws(server: Server, *files: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--aws", "-q", "-p", "no:cacheprovider", *(f"tests/api/{file}" for file in files)],
        cwd=ROOT, env=server.environment(), capture_output=True, text=True, check=False, timeout=120)


def test_it_runs_what_it_can_and_leaves_nothing(own_server):
    outcome = run_with_aws(own_server, "test_ecr_both_doors.py", "test_ecr_create_repository_creation_template.py",
                           "test_v2_tags.py")
    assert outcome.returncode == 0, outcome.stdout
    assert " passed" in outcome.stdout
    assert "--aws: it needs a server of ours" in outcome.stdout  # test_a_restart_changes_neither
    assert "--aws: it is not about ECR's API" in outcome.stdout
    ecr = own_server.client("ecr")
    assert ecr.describe_repositories()["repositories"] == []
    assert ecr.describe_repository_creation_templates()["repositoryCreationTemplates"] == []


def test_it_touches_no_region_that_holds_something(own_server):
    ecr = own_server.client("ecr")
    ecr.create_repository(repositoryName="somebody/elses")
    outcome = run_with_aws(own_server, "test_ecr_create_repository.py")
    assert outcome.returncode == 2 and "there are repositories" in outcome.stdout + outcome.stderr
    assert [one["repositoryName"] for one in ecr.describe_repositories()["repositories"]] == ["somebody/elses"]
