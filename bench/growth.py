#!/usr/bin/env python3
"""Whether cost grows with what is stored: the same operations on stores of 1,000, 100,000 and 1,000,000 images.

Each store is seeded directly in its database, as many tags, images and blobs as the size says (and a tenth of it
repositories), then served by the release build. For every operation the median at each size is printed with the
exponent of a power law fitted through them: about 0 is what we want of everything a client waits for. `--sizes` takes
others. A missed goal is printed, not an error. Needs about 3 GB on the disk for a million.
"""

import argparse
import contextlib
import hashlib
import http.client
import json
import math
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import goals
from harness.content import MANIFEST_TYPE, Content
from harness.registry_client import call_ecr
from harness.servers import make_server

SOURCE = Path(__file__).resolve().parent.parent
REGION = "us-west-2"
PAGE = 1000
MOUNTED = 300
IDLE_SECONDS = 3  # in which the jobs of a start have run once

# operation -> (goal of performance.md, limit in ms at every size or None)
LIMITS = {"tags page of 1000": ("L1", 3), "catalog page of 1000": ("L3", 3), "start": ("R3", 300),
          "all tags": ("L2", 3000), "resident when started, MiB": ("R1", 64)}
LINEAR = ("all tags",)


class Store:
    """A server's database between two of its lives, which this writes into as the server would have."""

    def __init__(self, data: Path):
        self.connection = sqlite3.connect(data / "entrepot.db")
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "cache_size=-2000000", "temp_store=MEMORY"):
            self.connection.execute("PRAGMA " + pragma)

    def close(self):
        self.connection.commit()
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()

    def copies(self, table: str, where: str, replacements):
        """Inserts a copy of the one row that `where` finds for each of `replacements`, a dict of columns to change."""
        columns = [row[1] for row in self.connection.execute(f"PRAGMA table_info({table})")]
        rows = self.connection.execute(f"SELECT * FROM {table} WHERE {where}").fetchall()
        assert rows, (table, where)
        marks = ",".join("?" * len(columns))
        for original in rows:
            template = dict(zip(columns, original))
            self.connection.executemany(
                f"INSERT OR IGNORE INTO {table} VALUES ({marks})",
                ([replaced.get(column, template[column]) for column in columns] for replaced in replacements()))

    def number(self, query: str) -> int:
        return self.connection.execute(query).fetchone()[0]


def stored_digest(content: bytes) -> bytes:
    return b"\x01" + hashlib.sha256(content).digest()


def seed(data: Path, template: bytes, size: int):
    store = Store(data)
    repository = store.number("SELECT id FROM repositories WHERE name = 'bench'")
    image = store.number("SELECT hex(digest) FROM manifests WHERE repository = %d LIMIT 1" % repository)
    blob = hashlib.sha256(mountable(0)[0]).hexdigest()
    pushed = store.number("SELECT pushed_at FROM manifests LIMIT 1")
    here = f"repository = {repository}"

    def images():
        for i in range(size):
            content = template.replace(b"@unique@", b"seeded-%07d" % i)
            yield i, content, stored_digest(content)

    store.copies("manifests", f"{here} AND digest = x'{image}'", lambda: (
        {"digest": digest, "content": content, "size": len(content), "pushed_at": pushed - i}
        for i, content, digest in images()))
    store.copies("manifest_references", f"{here} AND parent = x'{image}'", lambda: (
        {"parent": digest} for _, _, digest in images()))
    store.copies("tags", f"{here} AND digest = x'{image}'", lambda: (
        {"tag": f"t-{i:07d}", "digest": digest} for i, _, digest in images()))
    store.copies("blobs", f"digest = x'01{blob}'", lambda: (
        {"file_id": bytes(8) + i.to_bytes(8, "big"), "digest": stored_digest(b"blob %d" % i)} for i in range(size)))
    store.copies("blob_links", f"{here} AND digest = x'01{blob}'", lambda: (
        {"file_id": bytes(8) + i.to_bytes(8, "big"), "digest": stored_digest(b"blob %d" % i)} for i in range(size)))
    store.copies("repositories", "name = 'bench'", lambda: (
        {"name": f"seeded/r-{i:06d}", "id": 1_000_000 + i} for i in range(size // 10)))
    store.close()


class Client:
    """One keep-alive connection with a token."""

    def __init__(self, server):
        self.headers = server.headers()
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def call(self, method, target, expect, body=b"", headers=()):
        self.connection.request(method, target, body=body, headers={**self.headers, **dict(headers)})
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != expect:
            raise SystemExit(f"growth.py: {method} {target}: {answer.status} {content[:200]!r}")
        return answer, content

    def timed(self, count, action) -> float:
        """Milliseconds, the median."""
        times = []
        for i in range(count):
            begun = time.perf_counter()
            action(i)
            times.append((time.perf_counter() - begun) * 1e3)
        return statistics.median(times)


def mountable(i: int) -> tuple:
    """A blob that is really pushed, for only such a one can be given to another repository."""
    content = b"mountable %d" % i
    return content, "sha256:" + hashlib.sha256(content).hexdigest()


def push_mountable(server):
    client = Client(server)
    for content, digest in map(mountable, range(MOUNTED)):
        client.call("POST", f"/v2/bench/blobs/uploads/?digest={digest}", 201, content)


def generated(build: Path, server, *arguments) -> dict:
    command = [str(build / "load_generator"), *arguments, "--port", str(server.port)]
    for name, value in server.headers().items():
        command += ["--header", f"{name}: {value}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    figures = json.loads(done.stdout) if done.returncode == 0 else {}
    if figures.get("failed") or not figures:
        raise SystemExit(f"growth.py: {' '.join(arguments)}: {done.stderr} {figures.get('first_failure', '')}")
    return figures


def measure(build: Path, server, content: Content, size: int) -> dict:
    """operation -> milliseconds."""
    client, chosen = Client(server), random.Random(size)
    tag = lambda: f"t-{chosen.randrange(size):07d}"
    digest = lambda i: "sha256:" + stored_digest(
        content.manifest_template.read_bytes().replace(b"@unique@", b"seeded-%07d" % i)).hex()[2:]
    doomed = chosen.sample(range(size), 300)
    manifest = ("manifest", "--body", str(content.manifest_template), "--seconds", "2")
    results = {
        "tags page of 1000": client.timed(
            200, lambda _: client.call("GET", f"/v2/bench/tags/list?n={PAGE}&last={tag()}", 200)),
        "catalog page of 1000": client.timed(100, lambda _: client.call("GET", f"/v2/_catalog?n={PAGE}", 200)),
        "GET manifest by tag, cold": client.timed(300, lambda _: client.call("GET", f"/v2/bench/manifests/{tag()}", 200)),
        "mount": client.timed(MOUNTED, lambda i: client.call(
            "POST", f"/v2/other/blobs/uploads/?mount={mountable(i)[1]}&from=bench", 201)),
        "move a tag": client.timed(200, lambda _: client.call(
            "PUT", f"/v2/bench/manifests/{tag()}", 201, content.manifest, {"Content-Type": MANIFEST_TYPE}.items())),
        "push 1 KiB, one connection": generated(build, server, "push", "--size", "1024", "--seconds", "2")["p50_ms"],
        "push 1 KiB, 16 connections": 16e3 / generated(
            build, server, "push", "--size", "1024", "--connections", "16", "--seconds", "3")["requests_per_s"],
        "PUT manifest, one connection": generated(build, server, *manifest)["p50_ms"],
        "PUT manifest, 16 connections": 16e3 / generated(
            build, server, *manifest, "--connections", "16")["requests_per_s"],
        "delete an image by digest": client.timed(
            len(doomed), lambda i: client.call("DELETE", f"/v2/bench/manifests/{digest(doomed[i])}", 202)),
    }
    begun, last, seen = time.perf_counter(), "", 0
    while True:
        answer, body = client.call("GET", f"/v2/bench/tags/list?n={PAGE}&last={last}", 200)
        tags = json.loads(body)["tags"]
        seen += len(tags)
        if not answer.getheader("Link"):
            break
        last = tags[-1]
    assert seen >= size - len(doomed)
    results["all tags"] = (time.perf_counter() - begun) * 1e3
    return results


def resident(server) -> float:
    """MiB of its own: what is mapped from files, the system can take back."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


def run_size(arguments, work: Path, size: int) -> dict:
    content = Content(work / f"content-{size}")
    server = make_server(goals.ENTREPOT, work / str(size), content, arguments.build)
    everyone = os.sched_getaffinity(0)
    server.start(everyone)
    content.digest("blob_1k")
    server.seed(set(content.files))
    call_ecr(server.port, server.data / "credentials", REGION, "CreateRepository", {"repositoryName": "other"})
    push_mountable(server)
    server.stop()
    begun = time.perf_counter()
    seed(server.data, content.manifest_template.read_bytes(), size)
    print(f"  {size:,}: seeded in {time.perf_counter() - begun:.0f} s", flush=True)
    begun = time.perf_counter()
    server.start(everyone)
    results = {"start": (time.perf_counter() - begun) * 1e3}
    try:
        time.sleep(IDLE_SECONDS)
        results["resident when started, MiB"] = resident(server)
        results |= measure(arguments.build, server, content, size)
        results["resident after all this, MiB"] = resident(server)
    finally:
        server.stop()
        shutil.rmtree(work / str(size), ignore_errors=True)
    return results


def exponent(sizes, values) -> float:
    """Of the power law through the points, by least squares of the logarithms."""
    xs, ys = [math.log(x) for x in sizes], [math.log(y) for y in values]
    mx, my = statistics.mean(xs), statistics.mean(ys)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / sum((x - mx) ** 2 for x in xs)


def table(results: dict) -> list:
    sizes = sorted(results)
    lines = ["| operation, ms | " + " | ".join(f"{size:,}" for size in sizes) + " | exponent | goal |",
             "|---|" + "---|" * (len(sizes) + 2)]
    for operation in results[sizes[0]]:
        values = [results[size][operation] for size in sizes]
        slope = exponent(sizes, values) if len(sizes) > 1 else 0
        goal, limit = LIMITS.get(operation, ("growth", None))
        wanted = "0.9 to 1.1" if operation in LINEAR else "about 0"
        if limit:
            wanted += f"; {goal}: {limit} ms, {'met' if max(values) <= limit else 'missed'}"
        lines.append(f"| {operation} | " + " | ".join(f"{value:.3g}" for value in values) + f" | {slope:.2f} | {wanted} |")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,100000,1000000")
    parser.add_argument("--build", type=Path, default=SOURCE / "build" / "release")
    parser.add_argument("--report", type=Path, default=SOURCE / "build" / "bench")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    work = Path(tempfile.mkdtemp(prefix="growth-", dir=SOURCE / "build"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        results = {size: run_size(arguments, work, size) for size in sizes}
    lines = table(results)
    arguments.report.mkdir(parents=True, exist_ok=True)
    (arguments.report / "growth.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
