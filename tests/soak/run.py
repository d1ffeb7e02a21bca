"""The soak: workers against one registry that is killed, restarted, starved of disk and cut off from power; then the
reckoning.

    .venv/bin/python -m tests.soak --minutes 60 --report soak.json

The bar: nothing acknowledged and not taken back is ever missing or different; after everything is deleted and its grace
has ended no file is left; `entrepot fsck` finds nothing. Exit status 0 says that all of it held. What was cut short by a
kill or a full disk counts as neither done nor undone until it is read back."""

import argparse
import json
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback

from harness.server import Server, run_entrepot
from harness.small_disk import SmallDisk, why_none
from harness.v2 import basic

from .model import Ledger, Repository
from .wire import Interrupted
from .worker import Worker

REPOSITORIES_EACH = 2
ENOUGH = 50  # violations after which going on tells nothing new


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--workers", type=int, default=12)
    parser.add_argument("--seed", type=int, default=None, help="of every choice; printed")
    parser.add_argument("--disk-gib", type=int, default=8, help="size of the loop file system; 0 uses the machine's disk")
    parser.add_argument("--grace", type=int, default=20, help="seconds that layers without an image are held")
    parser.add_argument("--no-faults", action="store_true", help="no kills, no restarts, no full disk")
    parser.add_argument("--report", type=pathlib.Path, help="where the figures go as JSON")
    parser.add_argument("--scratch", type=pathlib.Path, help="kept when something is wrong; default a temporary folder")
    return parser.parse_args(arguments)


class Chaos(threading.Thread):
    """Kills, restarts, fills the disk and cuts its power, at random."""

    def __init__(self, seed: int, server: Server, disk: SmallDisk | None, ledger: Ledger, gate: threading.Event):
        super().__init__(name="chaos", daemon=True)
        self.random = random.Random(f"{seed}/chaos")
        self.server, self.disk, self.ledger, self.gate = server, disk, ledger, gate
        self.stopping = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.wait(self.random.uniform(3, 15)):
                what = self.random.choices([self.kill, self.restart, self.fill_disk, self.cut_power],
                                           [40, 10, 20, 30] if self.disk else [90, 10, 0, 0])[0]
                began = time.monotonic()
                what()
                self.ledger.fault(what.__name__, time.monotonic() - began)
        except BaseException as error:
            self.failure = error
            self.gate.set()
            raise

    def wait(self, seconds: float) -> bool:
        """Whether it is time to stop. A server that ends by itself is started again, and that is wrong."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.stopping.wait(0.2):
                return True
            if self.server.process.poll() is not None:
                self.ledger.violation(f"the server ended by itself with status {self.server.process.returncode}:\n"
                                      f"{self.server.log()[-3000:]}")
                self.start_again()
        return False

    def start_again(self) -> None:
        self.gate.clear()
        if self.server.process is not None:
            self.server.kill()
        self.server.start()
        self.gate.set()

    def kill(self) -> None:
        self.start_again()

    def restart(self) -> None:
        self.gate.clear()
        status = self.server.stop()
        if status != 0:
            self.ledger.violation(f"a restart ended with status {status}")
        self.server.start()
        self.gate.set()

    def cut_power(self) -> None:
        """Unsynced data is lost. For a moment the server lives on with a disk that answers nothing but EIO."""
        self.disk.cut_power()
        self.stopping.wait(self.random.choice([0, 0.1, 2]))
        self.gate.clear()
        self.server.kill()
        self.disk.restore_power()
        self.server.start()
        self.gate.set()

    def fill_disk(self) -> None:
        self.disk.fill(leave=self.random.choice([0, 64 << 10, 4 << 20]))
        self.stopping.wait(self.random.uniform(2, 6))
        ended = self.server.process.poll() is not None  # design-storage 1.10: recovery by a new start
        self.disk.empty()
        if ended:
            self.ledger.count("faults", "ended by itself on a full disk")
            self.start_again()


class Soak:
    def __init__(self, options: argparse.Namespace, scratch: pathlib.Path):
        self.options, self.scratch = options, scratch
        self.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
        self.ledger, self.gate = Ledger(), threading.Event()
        self.disk = SmallDisk(scratch, options.disk_gib) if options.disk_gib else None
        if self.disk:
            (self.disk.folder / "data").mkdir()
            (scratch / "data").symlink_to(self.disk.folder / "data")
        self.grace = options.grace
        self.server = Server(scratch, "--log-level", "warning", "--collection-grace", f"{self.grace}s",
                             "--collection-interval", "1s")
        self.checks: dict[str, str] = {}

    def run(self) -> bool:
        print(f"seed {self.seed}, {self.options.workers} workers, {self.options.minutes} minutes, grace {self.grace} s",
              flush=True)
        self.server.start()
        try:
            self.gate.set()
            workers = self.make_workers()
            self.work(workers)
            self.read_everything(workers)
            self.fsck("while everything is there")
            self.delete_everything(workers)
            self.fsck("after everything was deleted")
            self.server.stop()
        finally:
            if self.server.process is not None:
                self.server.kill()
            if self.disk:
                self.disk.close()
        return self.report(workers)

    def make_workers(self) -> list[Worker]:
        authorization = basic("AWS", self.server.password())
        every = [Repository(f"soak/{worker}/{number}") for worker in range(self.options.workers)
                 for number in range(REPOSITORIES_EACH)]
        ecr = self.server.client("ecr")
        for repository in every:
            ecr.create_repository(repositoryName=repository.name)
        return [Worker(number, self.seed, self.server, authorization,
                       every[number * REPOSITORIES_EACH:(number + 1) * REPOSITORIES_EACH], every, self.ledger, self.grace,
                       self.gate) for number in range(self.options.workers)]

    def work(self, workers: list[Worker]) -> None:
        chaos = Chaos(self.seed, self.server, self.disk, self.ledger, self.gate)
        for worker in workers:
            worker.start()
        if not self.options.no_faults:
            chaos.start()
        until = time.monotonic() + self.options.minutes * 60
        while (time.monotonic() < until and chaos.failure is None and not any(worker.failure for worker in workers)
               and len(self.ledger.violations) < ENOUGH):
            time.sleep(0.5)  # what is waited for is the time
        if not self.options.no_faults:
            chaos.stopping.set()
            chaos.join(120)
        if self.disk:
            self.disk.empty()
        for worker in workers:
            worker.stopping.set()
        for worker in workers:
            worker.join(90)
            if worker.is_alive():
                frames = traceback.format_stack(sys._current_frames()[worker.ident])
                self.ledger.violation(f"{worker.name} hangs:\n{''.join(frames)}")
            if worker.failure:
                self.ledger.violation(f"{worker.name} failed: {worker.failure!r}")
        if chaos.failure:
            self.ledger.violation(f"chaos failed: {chaos.failure!r}")

    def read_everything(self, workers: list[Worker]) -> None:
        images = 0
        for worker in workers:
            for repository in worker.own:
                for reference, digest in repository.tags.items():
                    self.settled(lambda: worker.check_image(repository, reference, repository.images[digest], lambda: True))
                for image in repository.images.values():
                    self.settled(lambda: worker.check_image(repository, image.digest, image, lambda: True))
                    self.settled(lambda: worker.check_referrers(repository, image.digest))
                self.settled(lambda: worker.list_own(repository))
                images += len(repository.images)
        self.checks["images read at the end"] = str(images)

    def settled(self, check) -> None:
        try:
            check()
        except Interrupted as error:
            self.ledger.violation(f"no answer when all is quiet: {error}")

    def fsck(self, when: str) -> None:
        outcome = run_entrepot("fsck", "--restart", "--read-blobs", "--data-dir", self.server.data_dir)
        self.checks[f"fsck {when}"] = outcome.stdout.strip()[-2000:] or f"status {outcome.returncode}"
        if outcome.returncode != 0:
            self.ledger.violation(f"fsck {when} ended with {outcome.returncode}: {outcome.stdout[-2000:]}{outcome.stderr[-2000:]}")

    def blob_files(self) -> int:
        return sum(path.is_file() for path in (self.server.data_dir / "blobs").glob("*/*"))

    def delete_everything(self, workers: list[Worker]) -> None:
        self.checks["blob files before deletion"] = str(self.blob_files())
        ecr = self.server.client("ecr", read_timeout=120)
        for worker in workers:
            for repository in worker.own:
                ecr.delete_repository(repositoryName=repository.name, force=True)
        deadline = time.monotonic() + 4 * self.grace + 120
        while self.blob_files() and time.monotonic() < deadline:
            time.sleep(1)  # between two looks at the condition waited for
        left = self.blob_files()
        self.checks["blob files after grace"] = str(left)
        if left:
            self.ledger.violation(f"{left} blob files are left after everything was deleted and grace has ended")

    def report(self, workers: list[Worker]) -> bool:
        figures = {"seed": self.seed, "minutes": self.options.minutes, "workers": self.options.workers,
                   "grace_seconds": self.grace, "faults": self.ledger.faults, "operations": self.ledger.counts, "bytes": self.ledger.bytes,
                   "checks": self.checks, "violations": self.ledger.violations}
        if self.options.report:
            self.options.report.write_text(json.dumps(figures, indent=1, sort_keys=True))
        for operation, outcomes in sorted(self.ledger.counts.items()):
            print(f"{operation:<18}", ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())))
        for name, seconds in self.ledger.faults.items():
            print(f"{name:<18} {len(seconds)} times, {max(seconds):.1f} s at most")
        print({direction: f"{size / 1e9:.2f} GB" for direction, size in self.ledger.bytes.items()}, self.checks)
        for violation in self.ledger.violations[:5]:  # once more, where the end of a log shows it
            print(violation[:500])
        print(f"{len(self.ledger.violations)} violations", flush=True)
        return not self.ledger.violations


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.disk_gib and (why := why_none()):
        print(f"on the machine's own disk, which is never full nor cut off from power: {why}", file=sys.stderr)
        options.disk_gib = 0
    if options.scratch:
        options.scratch.mkdir(parents=True, exist_ok=True)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="entrepot-soak-", dir=options.scratch))
    good = Soak(options, scratch).run()
    if good:
        shutil.rmtree(scratch, ignore_errors=True)
    else:
        print(f"kept: {scratch}")
    return 0 if good else 1
