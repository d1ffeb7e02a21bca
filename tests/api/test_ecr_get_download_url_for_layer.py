"""GetDownloadUrlForLayer, and what the URL gives."""

import urllib.parse

import pytest

from harness.api import OTHER_ACCOUNT, Api, denied, fault_of, invalid, no_repository
from harness.server import run_entrepot
from harness.v2 import V2, digest_of, pattern

LAYER = pattern(200_000)
ABSENT = digest_of(b"absent")


@pytest.fixture
def image(api):
    api.push_image("v1", LAYER)
    return api


def url_of(api, digest):
    answer = api.call("get_download_url_for_layer", layerDigest=digest)
    assert answer["layerDigest"] == digest and set(answer) == {"downloadUrl", "layerDigest"}
    return answer["downloadUrl"]


def fetch(api, url, method="GET", host=None, **headers):
    """Without credentials."""
    parts = urllib.parse.urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}" == api.server.endpoint
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return V2(api.server, authorization="", host=host).request(method, path, headers=headers)


def test_the_whole_layer(image):
    answer = fetch(image, url_of(image, digest_of(LAYER)))
    assert answer.status == 200 and answer.body == LAYER
    assert answer.headers["Content-Length"] == str(len(LAYER))


def test_configurations_are_layers_too(image):
    config = b'{"architecture": "amd64", "os": "linux", "made_of": "%s"}' % digest_of(LAYER).encode()
    assert fetch(image, url_of(image, digest_of(config))).body == config


@pytest.mark.parametrize("asked, first, last", [("bytes=0-0", 0, 0), ("bytes=1000-99999", 1000, 99_999),
                                                ("bytes=150000-", 150_000, 199_999), ("bytes=-10", 199_990, 199_999)])
def test_ranges(image, asked, first, last):
    answer = fetch(image, url_of(image, digest_of(LAYER)), Range=asked)
    assert answer.status == 206 and answer.body == LAYER[first:last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(LAYER)}"


def test_a_range_beyond_the_end(image):
    assert fetch(image, url_of(image, digest_of(LAYER)), Range="bytes=200000-").status == 416


def test_nothing_of_it_is_to_be_kept_or_run(image):
    answer = fetch(image, url_of(image, digest_of(LAYER)))
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_every_answer_is_fenced_from_the_origin(image):
    url = url_of(image, digest_of(LAYER))
    path = urllib.parse.urlsplit(url).path
    unasked = V2(image.server, authorization="").request("PUT", path, b"x" * 100_000)
    assert 400 <= unasked.status < 500
    for answer in (fetch(image, url), fetch(image, url[:-4] + "AAAA"), fetch(image, url, "DELETE"), unasked,
                   fetch(image, url, host="Not.A.Host")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff", answer
        assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'", answer
        assert answer.headers["Content-Disposition"] == "attachment", answer
        assert answer.headers["Access-Control-Allow-Origin"] is None and answer.headers["Set-Cookie"] is None


def test_only_reading(image):
    url = url_of(image, digest_of(LAYER))
    head = fetch(image, url, "HEAD")
    assert head.status == 200 and head.headers["Content-Length"] == str(len(LAYER))
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        answer = fetch(image, url, method)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD"), method
        assert b"GET, HEAD" in answer.body


def test_the_url_is_good_at_its_host_alone(image):
    url = url_of(image, digest_of(LAYER))
    for host in ("elsewhere.example", f"localhost:{image.server.port}"):
        answer = fetch(image, url, host=host)
        assert 400 <= answer.status < 500 and LAYER[:100] not in answer.body


def test_an_altered_url(image):
    url = url_of(image, digest_of(LAYER))
    for at in (len(url) - 4, len(url) - 60, len(url) - 120):
        altered = url[:at] + ("A" if url[at] != "A" else "B") + url[at + 1:]
        assert 400 <= fetch(image, altered).status < 500


def test_the_url_ends_with_its_repository(image):
    url = url_of(image, digest_of(LAYER))
    image.call("delete_repository", force=True)
    assert 400 <= fetch(image, url).status < 500
    image.ecr.create_repository(repositoryName=image.repository)
    image.push_image("v1", LAYER)  # another repository of the name
    assert 400 <= fetch(image, url).status < 500


def test_the_url_ends_with_its_access_key(own_server):
    api = Api(own_server, "app")
    api.ecr.create_repository(repositoryName="app")
    api.push_image("v1")
    url = url_of(api, digest_of(b"layer"))
    assert fetch(api, url).body == b"layer"
    assert run_entrepot("credentials", "reset", "--data-dir", own_server.data_dir).returncode == 0
    assert 400 <= fetch(api, url).status < 500


@pytest.mark.parametrize("digest", [ABSENT, "md5:00"])
def test_a_layer_that_is_not_there(api, digest):
    assert api.fault("get_download_url_for_layer", layerDigest=digest).text == (
        "LayersNotFoundException", f"The layer with digest '{digest}' does not exist within the {api.where()}")


def test_a_layer_that_no_image_names(api):
    digest = api.push_layer(b"uploaded")
    assert api.fault("get_download_url_for_layer", layerDigest=digest).text[0] == "LayerInaccessibleException"


def test_what_is_no_digest(api):
    assert api.fault("get_download_url_for_layer", layerDigest="nonsense").text == invalid(
        "layerDigest", "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")


def test_no_such_repository(api):
    fault = fault_of(api.ecr.get_download_url_for_layer, repositoryName="not/here", layerDigest=ABSENT)
    assert fault.text == no_repository("not/here")


def test_another_accounts_repository(api):
    fault = api.fault("get_download_url_for_layer", registryId=OTHER_ACCOUNT, layerDigest=ABSENT)
    assert fault.text == denied("ecr:GetDownloadUrlForLayer", api.repository)
