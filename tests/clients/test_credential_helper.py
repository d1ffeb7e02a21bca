"""docker-credential-ecr-login and crane by ECR's own host names: nobody logs in. The helper asks
https://api.ecr.<region>.amazonaws.com and no other, so that names and addresses are those of a namespace."""

import json

from harness.go_clients import GoClients
from harness.layout import Layout
from harness.namespace import ADDRESS, run_in_namespace
from harness.server import ACCOUNT, Server

HOST = f"{ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com"
API = "api.ecr.us-west-2.amazonaws.com"


def test_push_and_pull_without_login(tmp_path):
    image = Layout(tmp_path / "layout")
    image.name(image.image({"message": b"by the helper"}), "v1")
    (tmp_path / "server").mkdir()

    def scenario():
        server = Server(tmp_path / "server", "--tls", "auto", "--tls-names", f"{HOST},{API}", "--domain", "amazonaws.com",
                        address=ADDRESS)
        server.port = 443
        with server:
            server.client("ecr").create_repository(repositoryName="helper/one")
            go = GoClients(tmp_path / "go", server, HOST)
            key, secret = server.credentials()
            go.environment.update(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret, AWS_CA_BUNDLE=str(server.authority),
                                  AWS_ECR_DISABLE_CACHE="true")
            go.environment["PATH"] = f"{go.folder}:{go.environment['PATH']}"
            (tmp_path / "go" / "docker").mkdir()
            (tmp_path / "go" / "docker" / "config.json").write_text(json.dumps({"credHelpers": {HOST: "ecr-login"}}))
            go.crane("push", tmp_path / "layout", f"{HOST}/helper/one:v1")
            go.crane("validate", "--remote", f"{HOST}/helper/one:v1")
            go.environment["AWS_SECRET_ACCESS_KEY"] = "wrong"
            assert "UNAUTHORIZED" in go.fails("crane", "digest", f"{HOST}/helper/one:v1").upper()

    run_in_namespace(tmp_path, {HOST: ADDRESS, API: ADDRESS}, scenario)
