#!/usr/bin/env python3
"""Holds every #include of src/ and cli/ against the house's arrows (ARCHITECTURE.md), and what is left to adapters
against the list of adapters. Prints each violation and ends with status 1 when there is one."""

import fnmatch
import pathlib
import re
import sys

# Top to bottom. A folder includes itself and the rows below its own, nothing beside it.
ROWS = [
    ["cli"],
    ["server"],
    ["console", "oci", "services/*"],
    ["aws"],
    ["lifecycle", "scanning", "replication", "pull_through", "signing"],
    ["registry"],
    ["keys", "access", "events"],
    ["jobs"],
    ["metadata", "blobs"],
    ["http"],
    ["sigv4"],
    ["base"],
]

# What only these files may include: one adapter a library, so that each could be replaced in one place.
ADAPTERS = [
    (r"boost/(asio|beast)[./]", ["src/http/*"]),
    (r"sqlite3\.h|libpq-fe\.h", ["src/metadata/sql/*"]),
    (r"toml\+\+/", ["src/server/toml_file.cc"]),
    (r"CLI/", ["cli/command_line.cc"]),
    (r"curl/", ["src/http/*", "cli/readiness.cc"]),
    (r"pugixml\.hpp", ["src/aws/*"]),
    (r"prometheus/", ["src/server/*"]),
]

# Errors are values (base/result.h). An exception is thrown by a library and caught in its adapter, nowhere else; an
# allocator of the standard library's kind can fail in no other way, and a test may do as it likes.
EXCEPTION_USERS = ["src/server/toml_file.cc", "cli/command_line.cc", "src/keys/locked_memory.cc",
                   "*_test.cc", "*test_support.h", "*test_support.cc", "*/test_*.h"]

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)
NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\((?:.*?)\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
EXCEPTION = re.compile(r"\b(throw|catch)\b(?=\s*[^\w\s]|\s+\w)")


def folder_of(path: str) -> str:
    """The folder of the house that an include path or a file below src/ belongs to."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "services" else parts[0]


def row_of(folder: str) -> int | None:
    for number, row in enumerate(ROWS):
        if any(fnmatch.fnmatch(folder, name) for name in row):
            return number
    return None


def matches(path: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def include_violations(path: str, folder: str, text: str):
    for bracket, included in INCLUDE.findall(text):
        if bracket == '"' and "/" in included:
            target = folder_of(included)
            row, target_row = row_of(folder), row_of(target)
            if target_row is None:
                yield f"includes {included}, of no folder of the house"
            elif target != folder and target_row <= row:
                yield f"includes {included}: {folder} may not use {target}"
        for pattern, adapters in ADAPTERS:
            if re.match(pattern, included) and not matches(path, adapters):
                yield f"includes {included}, which is left to {', '.join(adapters)}"


def exception_violations(path: str, text: str):
    if matches(path, EXCEPTION_USERS):
        return
    for match in EXCEPTION.finditer(NOT_CODE.sub(lambda m: "\n" * m.group().count("\n"), text)):
        yield f"uses {match.group(1)}: errors are values"


def violations(root: pathlib.Path):
    for top in ("src", "cli"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in (".h", ".cc"):
                continue
            path = file.relative_to(root).as_posix()
            folder = "cli" if top == "cli" else folder_of(path.removeprefix("src/"))
            text = file.read_text(encoding="utf-8")
            if row_of(folder) is None:
                yield f"{path}: {folder} is no folder of the house"
                continue
            for violation in [*include_violations(path, folder, text), *exception_violations(path, text)]:
                yield f"{path}: {violation}"


def main() -> int:
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    found = list(violations(root))
    print("\n".join(found) if found else "every include goes downwards")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
