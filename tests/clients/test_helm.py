"""helm: charts as OCI artifacts."""

import pytest


@pytest.fixture
def chart(go, tmp_path):
    """A packaged chart, named as its repository must end."""
    go.helm("create", tmp_path / "demo")
    go.helm("package", tmp_path / "demo", "-d", tmp_path, "--version", "1.2.3")
    return tmp_path / "demo-1.2.3.tgz"


@pytest.fixture
def charts(registry, repository):
    """Where `helm push` puts a chart called demo."""
    registry.client("ecr").create_repository(repositoryName=f"{repository}/demo")
    return repository


def test_login_push_show_pull(go, registry, charts, chart, tmp_path):
    go.helm_login()
    go.helm("push", chart, f"oci://{go.host}/{charts}", *go.helm_trust())
    image = registry.client("ecr").describe_images(repositoryName=f"{charts}/demo")["imageDetails"][0]
    assert image["imageTags"] == ["1.2.3"]
    assert image["artifactMediaType"] == "application/vnd.cncf.helm.config.v1+json"
    assert "version: 1.2.3" in go.helm("show", "chart", f"oci://{go.host}/{charts}/demo", "--version", "1.2.3", *go.helm_trust())
    (tmp_path / "pulled").mkdir()
    go.helm("pull", f"oci://{go.host}/{charts}/demo", "--version", "1.2.3", "-d", tmp_path / "pulled", *go.helm_trust())
    assert (tmp_path / "pulled" / "demo-1.2.3.tgz").read_bytes() == chart.read_bytes()
    go.helm("pull", f"oci://{go.host}/{charts}/demo", "-d", tmp_path / "pulled", "--untar", *go.helm_trust())  # the newest, by its tags
    go.helm("registry", "logout", go.host)
    refused = go.fails("helm", "pull", f"oci://{go.host}/{charts}/demo", "--version", "1.2.3", *go.helm_trust())
    assert "401" in refused or "unauthorized" in refused.lower() or "basic credential not found" in refused


def test_wrong_password_is_refused(go):
    refused = go.fails("helm", "registry", "login", go.host, *go.helm_trust(), "--username", "AWS", "--password-stdin",
                       stdin="wrong")
    assert "401" in refused or "unauthorized" in refused.lower() or "403" in refused
