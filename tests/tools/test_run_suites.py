"""tools/run_suites counts what happened, and never calls nothing a success."""

import importlib.machinery
import importlib.util
import pathlib
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools" / "run_suites"


@pytest.fixture
def suites(tmp_path, monkeypatch):
    """The script as a module that leaves its results in a scratch folder."""
    loader = importlib.machinery.SourceFileLoader("run_suites", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_suites", loader))
    monkeypatch.setitem(sys.modules, "run_suites", module)
    loader.exec_module(module)
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    monkeypatch.delenv("CI", raising=False)
    return module


def last_line(capsys) -> str:
    return capsys.readouterr().out.splitlines()[-1]


REPORT = """<testsuites><testsuite><testcase name="a" classname="S"/><testcase name="b" classname="S"><failure/></testcase>
<testcase name="c" classname="S"><skipped message="file.cc:3&#x0A;needs a moon"/></testcase>
<testcase name="d" classname="S" status="notrun"/></testsuite></testsuites>"""


def test_reads_both_kinds_of_report(suites, tmp_path):
    (tmp_path / "report.xml").write_text(REPORT)
    outcome = suites.read_junit(tmp_path / "report.xml")
    assert (outcome.passed, outcome.failures) == (1, ["S.b"])
    assert outcome.skips == ["S.c: needs a moon", "S.d: disabled"]
    assert outcome.line() == "1 passed, 1 failed, 2 skipped"


@pytest.mark.parametrize("command, junit, failed", [
    (["true"], False, False), (["false"], False, True), (["no-such-program"], False, True),
    (["sh", "-c", "kill -SEGV $$"], True, True),  # no report at all
    (["sh", "-c", "echo '<testsuite><testcase name=\"a\"/></testsuite>' > {report}; exit 1"], True, True),
    (["sh", "-c", "echo '<testsuite><testca' > {report}; exit 0"], True, True),
    (["sleep", "30"], False, True),
])
def test_a_program_that_ends_badly_is_a_failure(command, junit, failed, suites):
    assert bool(suites.run("x", command, 1, junit=junit).failures) == failed


def test_a_suite_that_ran_nothing_fails(suites, monkeypatch, capsys):
    monkeypatch.setattr(suites, "suites", lambda mode: [("empty", suites.Outcome), ("one", lambda: suites.Outcome(passed=1))])
    assert suites.run_mode("test") == 1
    assert last_line(capsys) == "1 passed, 1 failed"


def test_unlisted_skips_fail_only_in_ci(suites, monkeypatch, capsys):
    monkeypatch.setattr(suites, "suites", lambda mode: [
        ("one", lambda: suites.Outcome(1, [], ["A.a: reference material is absent", "A.b: not today"]))])
    assert suites.run_mode("test") == 0
    assert last_line(capsys) == "1 passed, 0 failed, 2 skipped"
    monkeypatch.setenv("CI", "true")
    assert suites.run_mode("test") == 1
    assert last_line(capsys) == "1 passed, 1 failed, 1 skipped"


def test_total_adds_both_and_wants_both(suites, monkeypatch, capsys):
    monkeypatch.setattr(suites, "suites", lambda mode: [("one", lambda: suites.Outcome(passed=3))])
    assert suites.run_mode("test") == 0
    assert suites.add_up() == 1
    assert last_line(capsys) == "3 passed, 1 failed"
    assert suites.run_mode("deep") == 0
    assert suites.add_up() == 0
    assert last_line(capsys) == "6 passed, 0 failed"
