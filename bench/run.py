#!/usr/bin/env python3
"""Measures Entrepot beside nginx, docker-registry and the bounds of this machine, and says which goals are met.

Everything runs on loopback and is stopped at the end. Rounds are interleaved (every server once, then again), ratios
are taken within a round, and a round in which others used the machine is void. A missed goal is printed, not an error:
the exit status is 0 unless the measuring itself failed.
"""

import argparse
import contextlib
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from harness import goals, report
from harness.content import Content
from harness.registry_client import SetUpError
from harness.rounds import Effort, Runner
from harness.servers import make_server, missing_program

SOURCE = Path(__file__).resolve().parent.parent
QUICK = Effort(rounds=2, retries=0, seconds=1, pulls=2, pushes=1, images=500)
FULL = Effort(rounds=5, retries=3, seconds=3, pulls=8, pushes=3, images=2000)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two short rounds, none repeated: a look, not a result")
    parser.add_argument("--rows", default="", metavar="P4,P5", help="these goals only; there are " + " ".join(goals.goal_names()))
    parser.add_argument("--rounds", type=int, help="instead of 5 (or 2)")
    parser.add_argument("--build", type=Path, default=SOURCE / "build" / "release", help="where the programs are")
    parser.add_argument("--report", type=Path, default=SOURCE / "build" / "bench", help="where report.md and .json go")
    parser.add_argument("--work", type=Path, help="directory for the servers' data, on the disk to be measured")
    arguments = parser.parse_args()
    arguments.rows = [row.strip() for row in arguments.rows.split(",") if row.strip()] or goals.goal_names()
    if unknown := set(arguments.rows) - set(goals.goal_names()):
        parser.error(f"no such goal: {', '.join(sorted(unknown))}")
    return arguments


def measure(arguments, work: Path) -> tuple:
    """(workload -> attempts, what could not be measured)."""
    criteria = [criterion for criterion in goals.CRITERIA if criterion.goal in arguments.rows]
    effort = QUICK if arguments.quick else FULL
    if arguments.rounds:
        effort = Effort(**{**vars(effort), "rounds": arguments.rounds})
    content = Content(work / "content")
    runner = Runner(arguments.build / "load_generator", content, effort, lambda text: print(text, flush=True))
    missing = {name: program for name in goals.SERVERS if (program := missing_program(name, arguments.build))}
    unmeasured = [f"{name}, because there is no {program}" for name, program in missing.items()]
    results, servers = {}, {}
    for workload in dict.fromkeys(criterion.workload for criterion in criteria):
        names = [name for name in goals.servers_of(workload, criteria) if name not in missing]
        for name in set(names) - set(servers):
            servers[name] = make_server(name, work, content, arguments.build)
        try:
            if names:
                results[workload] = runner.run(workload, [servers[name] for name in names])
        except SetUpError as error:
            unmeasured.append(f"{workload}: {error}")
            print(f"  {error}", flush=True)
    return results, unmeasured


@contextlib.contextmanager
def work_directory(chosen: Path | None):
    parent = chosen or SOURCE / "build"
    parent.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def main() -> int:
    arguments = parse_arguments()
    if not (arguments.build / "load_generator").exists():
        print(f"run.py: no {arguments.build / 'load_generator'}: build the release preset first", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped and files removed
    with work_directory(arguments.work) as work:
        results, unmeasured = measure(arguments, work)
    rows = [report.evaluate(criterion, results.get(criterion.workload, []))
            for criterion in goals.CRITERIA if criterion.goal in arguments.rows]
    report.write(arguments.report, rows, results, unmeasured)
    print("\n" + "\n".join(report.table(rows)))
    for text in unmeasured:
        print(f"Not measured: {text}")
    print(f"\nThe report is in {arguments.report}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
