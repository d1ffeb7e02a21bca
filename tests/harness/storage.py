"""The commands on the store, and the time that collection counts with."""

import json
import time

from harness.server import Server, run_entrepot

# Grace and interval as short as they may be set: what nothing holds is gone after about two seconds.
SHORT_GRACE = ("--collection-grace", "1s", "--collection-interval", "1s")


def gc(server: Server, *flags: str) -> dict:
    outcome = run_entrepot("gc", "--data-dir", server.data_dir, "--json", *flags)
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)


def fsck(server: Server, *flags: str) -> tuple[int, list[dict], dict]:
    """Status, findings and the summary."""
    outcome = run_entrepot("fsck", "--data-dir", server.data_dir, "--json", *flags)
    assert outcome.returncode in (0, 1) and outcome.stdout, outcome.stderr
    lines = [json.loads(line) for line in outcome.stdout.splitlines()]
    return outcome.returncode, lines[:-1], lines[-1]


def blob_files(server: Server) -> list:
    return [path for path in (server.data_dir / "blobs").rglob("*") if path.is_file() and path.name != "root-id"]


def wait_until(condition, what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)  # between two looks at the condition waited for
