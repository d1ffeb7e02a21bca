"""The OCI conformance program against a registry of its own, with authentication: version 1.1, and every API and every
kind of data but sparse manifests, which ECR refuses.

    run.py REPORT     writes what GoogleTest and pytest write: a JUnit file

Every case of the program is one of ours, and so is every line of its summary. The program's exit status hides what it
skipped; here whatever did not pass has failed. go.mod pins the program and go.sum what it is made of. Where it cannot be
built the report holds one skipped case that says why."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from harness.server import ROOT, Server, clean_environment  # noqa: E402 — needs the path above

MODULE = "github.com/opencontainers/distribution-spec/conformance"
PROGRAM = ROOT / "build" / "tools" / "conformance"
REPOSITORIES = {"OCI_REPO1": "conformance/repo1", "OCI_REPO2": "conformance/repo2"}
NOT_ASKED = {"Sparse Manifests": "Disabled"}
# What version 1.1 leaves out unless it is asked for; all the rest is on by itself.
OPTIONS = {"OCI_VERSION": "1.1", "OCI_API_BLOBS_UPLOAD_CANCEL": "true", "OCI_API_BLOBS_DIGEST_HEADER": "true",
           "OCI_API_MANIFESTS_DIGEST_HEADER": "true", "OCI_API_MANIFESTS_TAG_PARAM": "true", "OCI_DATA_SPARSE": "false"}
BUILD_SECONDS = 600
RUN_SECONDS = 600


def build() -> str | None:
    """Why there is no program; nothing when there is."""
    if not shutil.which("go"):
        return "this machine has no Go toolchain"
    built = subprocess.run(["go", "build", "-trimpath", "-o", str(PROGRAM), MODULE], cwd=HERE, capture_output=True, text=True,
                           check=False, timeout=BUILD_SECONDS, env={**os.environ, "CGO_ENABLED": "0"})
    reason = built.stderr.strip().splitlines()[-1:] or ["no reason given"]
    return None if built.returncode == 0 else f"the conformance program cannot be built: {reason[0]}"


def run(scratch: pathlib.Path) -> pathlib.Path:
    """The folder of the results."""
    results = scratch / "results"
    with Server(scratch) as server:
        for name in REPOSITORIES.values():
            server.client("ecr").create_repository(repositoryName=name)
        environment = clean_environment(OCI_REGISTRY=server.host, OCI_TLS="disabled", OCI_USERNAME="AWS",
                                        OCI_PASSWORD=server.password(), OCI_RESULTS_DIR=results, **REPOSITORIES, **OPTIONS)
        subprocess.run([PROGRAM], cwd=scratch, env=environment, check=False, timeout=RUN_SECONDS)
    return results


def case(name: str, failure: str | None = None, skipped: str | None = None) -> ElementTree.Element:
    element = ElementTree.Element("testcase", classname="conformance", name=name)
    for kind, reason in (("failure", failure), ("skipped", skipped)):
        if reason is not None:
            ElementTree.SubElement(element, kind, message=reason)
    return element


def own_cases(results: pathlib.Path):
    """The program's own list; what was said on the wire is in its report.html."""
    for found in ElementTree.parse(results / "junit.xml").iter("testcase"):
        passed = found.get("status") == "passed"
        yield case(found.get("name"), None if passed else f"{found.get('status')}: {found.findtext('system-out', '')}")


def summary_cases(results: pathlib.Path):
    """The lists `apis` and `data` of results.yaml, one `name: status` a line."""
    section = ""
    for line in (results / "results.yaml").read_text().splitlines():
        section = re.sub(":.*", "", line) if not line.startswith(" ") else section
        entry = re.fullmatch(r"  (\S.*): (\w+)", line)
        if section in ("apis", "data") and entry:
            name, status = entry.groups()
            right = status == NOT_ASKED.get(name, "Pass")
            yield case(f"{section}: {name}", None if right else status)


def cases():
    if reason := build():
        return [case("all", skipped=reason)]
    with tempfile.TemporaryDirectory() as scratch:
        results = run(pathlib.Path(scratch))
        lists = [list(own_cases(results)), list(summary_cases(results))]
        shutil.copy(results / "report.html", ROOT / "build" / "suites" / "conformance.html")
    return sum(lists, []) if all(lists) else [case("all", failure="the program left no results")]


def main() -> int:
    suite = ElementTree.Element("testsuite", name="conformance")
    suite.extend(cases())
    ElementTree.ElementTree(suite).write(sys.argv[1])
    failures = suite.findall("testcase/failure/..")
    for failed in failures:
        print(failed.get("name"), failed.find("failure").get("message"))
    print(f"{len(suite)} cases, {len(failures)} did not pass")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
