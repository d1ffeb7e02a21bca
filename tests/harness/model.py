"""ECR's model, as the server is generated from it."""

import functools
import json

from harness.server import ROOT


def _apply(document: dict, patch: dict) -> None:
    """One row of models/patches.json: add and replace, by JSON pointer."""
    *parents, last = patch["path"].strip("/").split("/")
    place = document
    for name in parents:
        place = place[name]
    assert patch["op"] == "add" or last in place, patch
    place[last] = patch["value"]


@functools.cache
def ecr() -> dict:
    model = json.loads((ROOT / "models" / "ecr.json").read_text())
    for patch in json.loads((ROOT / "models" / "patches.json").read_text())["ecr"]:
        _apply(model, patch)
    return model


def shape(name: str) -> dict:
    return ecr()["shapes"][name]


def operations() -> list[str]:
    return sorted(ecr()["operations"])


def input_of(operation: str) -> str:
    return ecr()["operations"][operation]["input"]["shape"]


def output_of(operation: str) -> str:
    return ecr()["operations"][operation]["output"]["shape"]


def errors_of(operation: str) -> list[str]:
    return [error["shape"] for error in ecr()["operations"][operation]["errors"]]


def paths_of(name: str, below: str = "") -> set[str]:
    """Every member of a structure and of what it holds: "imageDetails.imageTags"."""
    described = shape(name)
    if described["type"] == "list":
        return paths_of(described["member"]["shape"], below)
    if described["type"] != "structure":
        return set()
    paths = set()
    for member, target in described.get("members", {}).items():
        path = f"{below}.{member}".lstrip(".")
        paths |= {path} | paths_of(target["shape"], path)
    return paths


def paths_in(value, below: str = "") -> set[str]:
    """Those that an answer has."""
    if isinstance(value, list):
        return set().union(*(paths_in(one, below) for one in value))
    if not isinstance(value, dict):
        return set()
    paths = set()
    for member, inner in value.items():
        path = f"{below}.{member}".lstrip(".")
        paths |= {path} | paths_in(inner, path)
    return paths
