"""A registry that is not ours to start and stop: the account and region that AWS's environment names, for --aws."""

import base64
import http.client
import urllib.parse

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from harness import server

SETTINGS = ("BASIC_SCAN_TYPE_VERSION", "BLOB_MOUNTING", "REGISTRY_POLICY_SCOPE")


class AwsAccount:
    """In place of a Server. What only a server of ours has skips the test that asks for it. Every region that a test
    uses must be empty at first; what it then holds is the tests', and goes at the end."""

    def __init__(self):
        self._settings: dict[str, dict[str, str]] = {}  # region -> what was set before
        self._endpoint: str | None = None

    @staticmethod
    def adopt() -> "AwsAccount":
        """Before the tests are read: the names in what they expect become the account's, and no server is started."""
        identity = boto3.client("sts").get_caller_identity()
        server.ACCOUNT, server.CALLER = identity["Account"], identity["Arn"]
        server.REGION = boto3.session.Session().region_name
        server.Server.refusal = "--aws: it needs a server of ours"
        return AwsAccount()

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        pytest.skip(f"--aws: {name} is of a server of ours")

    # ---- talking to it

    def client(self, service: str, region: str | None = None, **config):
        region = region or server.REGION
        made = boto3.client(service, region_name=region, config=Config(retries={"mode": "standard"}, **config))
        if service == "ecr" and region not in self._settings:
            self._take(made, region)
        return made

    @property
    def endpoint(self) -> str:
        """Of `/v2/`."""
        if self._endpoint is None:
            self._endpoint = self._authorization()["proxyEndpoint"]
        return self._endpoint

    @property
    def host(self) -> str:
        return urllib.parse.urlsplit(self.endpoint).netloc

    @property
    def tls(self) -> bool:
        return self.endpoint.startswith("https")

    def connect(self, port: int | None = None) -> http.client.HTTPConnection:
        assert port is None, "there is no relay in front of it"
        return (http.client.HTTPSConnection if self.tls else http.client.HTTPConnection)(self.host, timeout=60)

    def password(self) -> str:
        return base64.b64decode(self._authorization()["authorizationToken"]).decode().removeprefix("AWS:")

    def _authorization(self) -> dict:
        return self.client("ecr").get_authorization_token()["authorizationData"][0]

    # ---- leaving it as it was

    def _take(self, ecr, region: str) -> None:
        if ecr.describe_repositories(maxResults=1)["repositories"]:
            pytest.exit(f"--aws: there are repositories in {region}: the tests delete all that is there", 2)
        self._settings[region] = {name: ecr.get_account_setting(name=name)["value"] for name in SETTINGS}

    def leave(self) -> None:
        """As it was; says what it cannot take away."""
        for region, settings in self._settings.items():
            ecr = self.client("ecr", region)
            for page in ecr.get_paginator("describe_repositories").paginate():
                for repository in page["repositories"]:
                    attempt(ecr.delete_repository, repositoryName=repository["repositoryName"], force=True)
            for page in ecr.get_paginator("describe_repository_creation_templates").paginate():
                for template in page["repositoryCreationTemplates"]:
                    attempt(ecr.delete_repository_creation_template, prefix=template["prefix"])
            for arn in ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"]:
                attempt(ecr.deregister_pull_time_update_exclusion, principalArn=arn)
            attempt(ecr.delete_registry_policy)
            for name, value in settings.items():
                attempt(ecr.put_account_setting, name=name, value=value)


def attempt(call, **parameters) -> None:
    try:
        call(**parameters)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "RegistryPolicyNotFoundException":
            print(f"--aws: {error}")
