"""From rounds to verdicts: the median of the ratios of the rounds that count, beside what is wanted."""

import dataclasses
import json
import os
import platform
import statistics
from pathlib import Path

from . import goals
from .rounds import describe_round


def counting(attempts: list) -> list:
    """The last attempt at every round; of these the quiet ones, or all where none was."""
    last = list({one.number: one for one in attempts}.values())
    return [one for one in last if one.quiet] or last


def evaluate(criterion, attempts: list) -> dict:
    """A row of the table."""
    rounds = counting(attempts)
    values = _values(criterion, rounds, criterion.subject)
    reach = _values(criterion, rounds, criterion.bound)
    criterion = within_reach(criterion, statistics.median(reach) if reach else None)
    row = {
        "goal": criterion.goal, "what": _what(criterion), "wanted": _wanted(criterion), "values": values,
        "measured": statistics.median(values) if values else None,
        "rounds": len({one.number for one in attempts}), "quiet": sum(one.quiet for one in rounds),
    }
    row["verdict"] = _verdict(criterion, row)
    return row


def within_reach(criterion, reach: float | None):
    """The criterion with the limit that its bound, which is at `reach` itself, allows for; only then its name stays."""
    if reach is not None:
        wanted = criterion.share * reach
        if criterion.at_least is not None and wanted < criterion.at_least:
            return dataclasses.replace(criterion, at_least=wanted)
        if criterion.at_most is not None and wanted > criterion.at_most:
            return dataclasses.replace(criterion, at_most=wanted)
    return dataclasses.replace(criterion, bound="")


def _values(criterion, rounds, subject: str) -> list:
    return [value for one in rounds if (value := _value(criterion, one, subject)) is not None]


def _value(criterion, one, subject: str) -> float | None:
    figures = {name: sample.figures.get(criterion.metric) for name, sample in one.samples.items()}
    value = figures.get(subject)
    if value is None or not criterion.against:
        return value
    other = figures.get(criterion.against)
    return value / other if other else None


def _what(criterion) -> str:
    unit = goals.UNITS[criterion.metric]
    compared = f"{criterion.subject} / {criterion.against}, {unit}" if criterion.against else f"{criterion.subject}, {unit}"
    return f"{goals.WORKLOADS[criterion.workload].title}: {compared}"


def _wanted(criterion) -> str:
    whose = f", {criterion.share:g} of {criterion.bound}'s own" if criterion.bound else ""
    if criterion.at_least is not None:
        return f">= {criterion.at_least:.3g}{whose}"
    return f"<= {criterion.at_most:.3g}{whose}" if criterion.at_most is not None else "for reference"


def _verdict(criterion, row) -> str:
    if row["measured"] is None:
        return "not measured"
    if criterion.at_least is None and criterion.at_most is None:
        return ""
    met = (criterion.at_least is None or row["measured"] >= criterion.at_least) and (
        criterion.at_most is None or row["measured"] <= criterion.at_most)
    return ("met" if met else "missed") + ("" if row["quiet"] else " (no quiet round)")


def table(rows: list) -> list:
    """Lines of a Markdown table."""
    lines = ["| goal | what | measured, every round | median | wanted | verdict | quiet |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        values = " / ".join(f"{value:.3g}" for value in row["values"])
        median = "" if row["measured"] is None else f"{row['measured']:.3g}"
        lines.append(f"| {row['goal']} | {row['what']} | {values} | {median} | {row['wanted']} | {row['verdict']} "
                     f"| {row['quiet']}/{row['rounds']} |")
    return lines


def machine() -> dict:
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    return {"processor": model, "processors": len(os.sched_getaffinity(0)), "kernel": platform.release()}


def write(directory: Path, rows: list, results: dict, unmeasured: list):
    """report.md for people, report.json with every figure of every attempt."""
    directory.mkdir(parents=True, exist_ok=True)
    about = machine()
    lines = ["# Measured against the goals", "", ", ".join(f"{name}: {value}" for name, value in about.items()), "",
             "Ratios are of figures of the same round. A round is void, and is run again, when others used more than "
             "0.3 processors.", "", *table(rows), ""]
    lines += [f"Not measured: {text}" for text in unmeasured]
    lines += ["", "## Every round", ""]
    for name, attempts in results.items():
        workload = goals.WORKLOADS[name]
        lines += [f"### {name}: {workload.title}", ""]
        lines += [f"- {describe_round(workload, one)}" for one in attempts] + [""]
    (directory / "report.md").write_text("\n".join(lines))
    document = {
        "machine": about, "rows": rows, "not_measured": unmeasured,
        "workloads": {name: [{"round": one.number, "attempt": one.attempt, "quiet": one.quiet,
                              "servers": {server: {"foreign": sample.foreign, **sample.figures}
                                          for server, sample in one.samples.items()}} for one in attempts]
                      for name, attempts in results.items()},
    }
    (directory / "report.json").write_text(json.dumps(document, indent=1) + "\n")
