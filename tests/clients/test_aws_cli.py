"""The AWS CLI of the pinned Python set, as the documents use it: eval "$(entrepot env)" and then plain commands."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from harness.server import ACCOUNT, binary_path, clean_environment


@pytest.fixture
def shell(registry):
    """Runs a script after eval "$(entrepot env)"; returns what it printed."""

    def run(script: str, **options) -> str:
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
        prelude = f'set -e; eval "$("{binary_path()}" env --data-dir "{registry.data_dir}")"\n'
        outcome = subprocess.run(["bash", "-o", "pipefail", "-c", prelude + script], capture_output=True, text=True, check=False,
                                 timeout=120, env={**clean_environment(AWS_PAGER=""), "PATH": path}, **options)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        return outcome.stdout

    return run


def test_caller_identity(shell):
    assert json.loads(shell("aws sts get-caller-identity"))["Account"] == ACCOUNT


def test_life_of_a_repository(shell, registry, repository):
    name = repository + "/cli"
    created = json.loads(shell(
        f"aws ecr create-repository --repository-name {name} --image-tag-mutability IMMUTABLE "
        "--image-scanning-configuration scanOnPush=true --encryption-configuration encryptionType=AES256 "
        "--tags Key=team,Value=build"))["repository"]
    assert created["repositoryUri"] == f"{registry.host}/{name}"
    assert created["encryptionConfiguration"]["encryptionType"] == "AES256"
    described = json.loads(shell(f"aws ecr describe-repositories --repository-names {name}"))["repositories"][0]
    assert described["imageTagMutability"] == "IMMUTABLE"
    assert described["imageScanningConfiguration"] == {"scanOnPush": True}
    assert shell(f"aws ecr delete-repository --repository-name {name} --query repository.repositoryName --output text").strip() == name


def test_login_password_logs_in_and_pushes(shell, registry, repository, tools, context):
    environment = " ".join(f"{name}='{tools.environment[name]}'" for name in
                           ("CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "CONTAINERS_REGISTRIES_CONF", "REGISTRY_AUTH_FILE",
                            "XDG_RUNTIME_DIR", "BUILDAH_ISOLATION"))
    trust = " ".join(tools.trust())
    shell(f"""
export {environment}
uri=$(aws ecr describe-repositories --repository-names {repository} --query 'repositories[0].repositoryUri' --output text)
aws ecr get-login-password | buildah login {trust} --username AWS --password-stdin "${{uri%%/*}}"
buildah build -t "$uri:v1" {context}
buildah push {trust} "$uri:v1"
""")
    listed = json.loads(shell(f"aws ecr list-images --repository-name {repository}"))["imageIds"]
    assert [image["imageTag"] for image in listed] == ["v1"]
    got = json.loads(shell(f"aws ecr batch-get-image --repository-name {repository} --image-ids imageTag=v1"))
    assert got["failures"] == [] and got["images"][0]["imageId"]["imageDigest"] == listed[0]["imageDigest"]
    deleted = json.loads(shell(f"aws ecr batch-delete-image --repository-name {repository} --image-ids imageTag=v1"))
    assert deleted["failures"] == [] and len(deleted["imageIds"]) == 1


def test_files_of_the_data_directory_serve_as_profile(registry):
    """AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE instead of variables."""
    environment = clean_environment(AWS_SHARED_CREDENTIALS_FILE=registry.data_dir / "credentials",
                                    AWS_CONFIG_FILE=registry.data_dir / "aws-config")
    aws = pathlib.Path(sys.executable).parent / "aws"
    outcome = subprocess.run([aws, "sts", "get-caller-identity", "--query", "Account", "--output", "text"], check=False,
                             capture_output=True, text=True, timeout=60, env=environment)
    assert outcome.stdout.strip() == ACCOUNT, outcome.stderr
