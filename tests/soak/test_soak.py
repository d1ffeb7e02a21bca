"""The soak for a bounded time, as test-deep runs it: ENTREPOT_SOAK_SECONDS, ten minutes unless set."""

import os
import pathlib
import subprocess
import sys

import pytest

from harness.small_disk import why_none

SECONDS = int(os.environ.get("ENTREPOT_SOAK_SECONDS", "600"))
RECKONING_SECONDS = 600  # everything is read, checked and deleted, and grace is waited for
TESTS = pathlib.Path(__file__).resolve().parent.parent


@pytest.mark.timeout(SECONDS + RECKONING_SECONDS + 60)
def test_soak(tmp_path):
    if why := why_none():
        pytest.skip(f"this machine cannot mount a disk of the soak's own: {why}")
    outcome = subprocess.run([sys.executable, "-m", "tests.soak", "--minutes", str(SECONDS / 60), "--scratch", tmp_path],
                             cwd=TESTS.parent, capture_output=True, text=True, check=False,
                             timeout=SECONDS + RECKONING_SECONDS)
    print(outcome.stdout[-20_000:])
    assert outcome.returncode == 0, outcome.stderr[-4000:]
