"""Collection and `entrepot gc` from outside."""

import time

import pytest

from harness.server import Server, run_entrepot
from harness.storage import SHORT_GRACE, blob_files, gc, wait_until
from harness.v2 import V2, basic, digest_of, pattern

SIZE = 100_000


def figure(server: Server, name: str) -> float:
    text = server.get("/metrics", {"Authorization": basic("AWS", server.password())})[2].decode()
    (line,) = (line for line in text.splitlines() if line.startswith(f"entrepot_{name} "))
    return float(line.split()[-1])


@pytest.fixture
def short(tmp_path):
    with Server(tmp_path, *SHORT_GRACE) as running:
        running.client("ecr").create_repository(repositoryName="gc/app")
        yield running


@pytest.fixture
def day(tmp_path):
    with Server(tmp_path) as running:
        running.client("ecr").create_repository(repositoryName="gc/app")
        yield running


def test_what_no_image_needs_goes_by_itself(short):
    repository = V2(short, "gc/app")
    assert (figure(short, 'collected_total{kind="blob"}'), figure(short, "collected_bytes_total")) == (0, 0)
    repository.push_blob(pattern(SIZE))
    wait_until(lambda: not blob_files(short), "the file is collected")
    wait_until(lambda: figure(short, 'collected_total{kind="blob"}') == 1, "it is counted")
    assert figure(short, 'collected_total{kind="link"}') == 1
    assert figure(short, "collected_bytes_total") == SIZE
    assert figure(short, "collection_failures_total") == 0
    assert abs(figure(short, "collection_last_run_timestamp_seconds") - time.time()) < 60
    assert repository.head_blob("sha256:" + "0" * 64).status == 404


def test_what_an_image_needs_stays_until_the_image_goes(short):
    gc(short, "--pause")
    repository = V2(short, "gc/app")
    manifest = repository.push_image("v1", pattern(SIZE))
    gc(short, "--resume")
    gc(short)
    assert len(blob_files(short)) == 1
    assert repository.request("DELETE", repository.path(f"manifests/{digest_of(manifest)}")).status == 202
    wait_until(lambda: gc(short, "--status")["due"] == 0 and not blob_files(short), "the layer is collected")


def test_a_pause_holds_what_is_due_and_dry_run_counts_it(short):
    assert figure(short, "collection_paused") == 0
    assert gc(short, "--pause")["paused"] is True
    assert figure(short, "collection_paused") == 1
    V2(short, "gc/app").push_blob(pattern(SIZE))
    wait_until(lambda: gc(short, "--dry-run")["blobs"] == 1, "it is due")
    wait_until(lambda: figure(short, "collection_due") == 1, "what waits is told while it waits")
    assert gc(short, "--dry-run")["bytes"] == SIZE
    refused = run_entrepot("gc", "--data-dir", short.data_dir)
    assert refused.returncode == 1 and "--resume" in refused.stderr
    assert len(blob_files(short)) == 1
    assert gc(short, "--resume")["paused"] is False
    wait_until(lambda: not blob_files(short), "the file is collected")


def test_without_a_server_it_opens_the_store_itself(day):
    repository = V2(day, "gc/app")
    digest = repository.push_blob(pattern(SIZE))
    gc(day, "--pause")
    assert repository.request("DELETE", repository.path(f"blobs/{digest}")).status == 202
    day.stop()
    assert gc(day, "--dry-run")["blobs"] == 1
    freed = gc(day)
    assert (freed["blobs"], freed["bytes"]) == (1, SIZE)
    assert not blob_files(day)
    assert run_entrepot("gc", "--data-dir", day.data_dir, "--pause").returncode == 1
    day.start()


def test_a_person_reads_sentences(day):
    outcome = run_entrepot("gc", "--data-dir", day.data_dir)
    assert outcome.stdout == "freed 0 blobs (0 bytes), 0 links, 0 uploads\n"
    assert "grace: 86400 s" in run_entrepot("gc", "--data-dir", day.data_dir, "--status").stdout


def test_a_directory_that_no_server_ever_had_is_refused(tmp_path):
    assert run_entrepot("gc", "--data-dir", tmp_path).returncode == 3


def test_a_short_grace_is_warned_of_and_shown(short):
    assert "collection.grace is below an hour" in short.log()
    assert gc(short, "--status")["grace_seconds"] == 1


def test_grace_must_be_a_time(tmp_path):
    outcome = run_entrepot("serve", "--data-dir", tmp_path / "data", "--collection-grace", "soon")
    assert outcome.returncode == 3
    assert "collection" in outcome.stderr and "24h" in outcome.stderr
