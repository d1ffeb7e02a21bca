"""Running a workload: every server in turn, round after round, with an eye on who else uses the machine."""

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from . import api_load, goals
from .content import Content
from .registry_client import SetUpError
from .servers import Server, confine

FOREIGN_LIMIT = 0.3  # processors used by others; more voids the round
_GENERATOR_LIMIT_SECONDS = 300
_SETTLE_SECONDS = 1
_TICK = 1 / os.sysconf("SC_CLK_TCK")
_RESOLUTION_TICKS = 5  # what tick accounting of a short run is allowed to be wrong by


@dataclass
class Sample:
    """One server's figures in one round; `foreign` in processors."""
    figures: dict
    foreign: float


@dataclass
class Round:
    samples: dict  # server name -> Sample
    number: int
    attempt: int
    timed: bool

    @property
    def quiet(self) -> bool:
        return not self.timed or all(sample.foreign <= FOREIGN_LIMIT for sample in self.samples.values())


@dataclass(frozen=True)
class Effort:
    """How much is run."""
    rounds: int
    retries: int  # more attempts at one round while others disturb it
    seconds: float
    pulls: int
    pushes: int
    images: int

    def amounts(self) -> dict:
        return {"seconds": self.seconds, "pulls": self.pulls, "pushes": self.pushes}


class Runner:
    """Owns the servers while it runs a workload: they are started for it and stopped after it."""

    def __init__(self, generator: Path, content: Content, effort: Effort, say):
        self._generator, self._content, self._effort, self._say = generator, content, effort, say
        processors = sorted(os.sched_getaffinity(0))
        if len(processors) < 2:
            raise SetUpError("two processors are needed: one for the server, one for the generator")
        self._all = set(processors)
        self._pinned_server, self._pinned_generator = {processors[0]}, {processors[1]}

    def run(self, name: str, servers: list) -> list:
        """Every attempt at every round, in order. The last attempt at a number is the one that counts."""
        workload, attempts = goals.WORKLOADS[name], []
        self._say(f"\n{name}: {workload.title}")
        try:
            for number in range(1, self._effort.rounds + 1):
                for attempt in range(1, self._effort.retries + 2):
                    attempts.append(self._round(workload, servers, number, attempt))
                    self._say("  " + describe_round(workload, attempts[-1]))
                    if attempts[-1].quiet:
                        break
        finally:
            for server in servers:
                server.stop()
                if workload.fresh:
                    server.wipe()
        return attempts

    def _round(self, workload, servers, number, attempt) -> Round:
        samples = {}
        for server in servers:
            if server.process is None or workload.fresh:
                self._prepare(workload, server)
            os.sync()  # what the last server left dirty is not this one's to write
            samples[server.name] = self._measure(workload, server)
        if workload.kind != "api":
            _check_same_work(samples)
        return Round(samples, number, attempt, workload.timed)

    def _prepare(self, workload, server: Server):
        server.stop()
        if workload.fresh:
            server.wipe()
        server.start(self._pinned_server if workload.pinned else self._all)
        if workload.kind in ("load", "tls", "api"):
            arguments = self._arguments(workload, server)
            server.seed({digest for digest in self._content.files if _needed(digest, arguments, self._content)})
            self._fill(server, workload.images_of.get(server.name, 0))
            if not workload.fresh:
                self._generate(workload, server)  # brings the files into memory; not counted
        if workload.kind == "start":
            server.stop()

    def _measure(self, workload, server: Server) -> Sample:
        before, own_before, begun = _busy_seconds(), self._own_seconds(server), time.monotonic()
        if workload.kind == "resident":
            time.sleep(_SETTLE_SECONDS)
            figures = {goals.RESIDENT: _resident_mib(server.process.pid)}
        else:
            figures = self._generate(workload, server)
        elapsed = time.monotonic() - begun
        used = _busy_seconds() - before - (self._own_seconds(server) - own_before)
        return Sample(figures, max(0.0, used - _RESOLUTION_TICKS * _TICK) / elapsed)

    def _arguments(self, workload, server: Server) -> list:
        arguments = workload.arguments_of.get(server.name, workload.arguments)
        return [self._content.expand(argument, **self._effort.amounts()) for argument in arguments]

    def _fill(self, server: Server, images: int):
        """As many images, each under a tag of its own."""
        if images:
            self._run(["manifest", "--body", str(self._content.manifest_template), "--connections", "16", "--requests",
                       str(images)], server, self._all)

    def _generate(self, workload, server: Server) -> dict:
        if workload.kind == "tls":
            return self._generate_tls(workload, server)
        arguments = self._arguments(workload, server)
        if workload.kind == "api":
            return self._generate_signed(workload, server, arguments)
        if workload.kind == "start" or "idle" in workload.arguments:
            arguments += ["--path", server.ready_path]
        if workload.kind == "start":
            arguments += ["--", *server.command()]
        return self._run(arguments, server, self._pinned_generator if workload.pinned else self._all)

    def _generate_signed(self, workload, server: Server, arguments: list) -> dict:
        """What a script asks for, signed now: a signature grows old."""
        requests, file = api_load.SCRIPTS[workload.script](server, self._effort), server.directory / "script"
        api_load.write_script(file, server, requests)
        once = [] if "--seconds" in arguments else ["--requests", str(len(requests))]
        figures = self._run([*arguments, "--script", str(file), *once], server, self._pinned_generator)
        if uploaded := api_load.uploaded_bytes(requests):
            figures[goals.CPU_PER_GIB] = (figures["server_user_s"] + figures["server_system_s"]) / (uploaded / (1 << 30))
        return figures

    def _run(self, arguments: list, server: Server, processors: set) -> dict:
        mode, *options = arguments
        command = [str(self._generator), mode, "--port", str(server.port)]
        for name, value in server.headers().items():
            command += ["--header", f"{name}: {value}"]
        if server.process is not None:
            command += ["--server-pid", str(server.process.pid)]
        done = subprocess.run(command + options, capture_output=True, text=True, timeout=_GENERATOR_LIMIT_SECONDS,
                              preexec_fn=lambda: confine(processors))
        if done.returncode != 0:
            raise SetUpError(f"{server.name}: {done.stderr.strip()}")
        figures = json.loads(done.stdout)
        if figures.get("failed"):
            raise SetUpError(f"{server.name}: {figures['failed']} requests failed, first: {figures['first_failure']}")
        return figures

    def _generate_tls(self, workload, server: Server) -> dict:
        *options, path = self._arguments(workload, server)
        command = ["wrk", "--threads", "1", "--latency", *(option.removesuffix(".0") for option in options)]
        for name, value in server.headers().items():
            command += ["--header", f"{name}: {value}"]
        processors = self._pinned_generator if workload.pinned else self._all
        stat = Path(f"/proc/{server.process.pid}/stat")
        begun, before, generator = time.monotonic(), _process_seconds(stat)[1], os.times().children_user
        done = subprocess.run([*command, f"https://127.0.0.1:{server.port}{path}"], capture_output=True, text=True,
                              timeout=_GENERATOR_LIMIT_SECONDS, preexec_fn=lambda: confine(processors))
        if done.returncode != 0 or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
            raise SetUpError(f"{server.name}: {done.stdout} {done.stderr}")
        return read_wrk(done.stdout, _process_seconds(stat)[1] - before, os.times().children_user - generator,
                        time.monotonic() - begun)

    def _own_seconds(self, server: Server) -> float:
        """Ours so far: this process, its children that have ended, the server, and the kernel's own threads, whose
        work (writing back what a push left dirty) somebody's request caused."""
        own = os.times()
        total = own.user + own.system + own.children_user + own.children_system
        if server.process is not None:
            total += _process_seconds(Path(f"/proc/{server.process.pid}/stat"))[1]
        return total + _kernel_thread_seconds()


def read_wrk(output: str, server_seconds: float, generator_seconds: float, wall: float) -> dict:
    """The figures of a run of wrk, under the names that our generator gives them."""
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])
    amount, unit = re.search(r"Transfer/sec:\s+([\d.]+)([KMG]?)B", output).groups()
    bytes_per_second = float(amount) * {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[unit]
    requests = int(re.search(r"(\d+) requests in", output)[1])
    p99, scale = re.search(r"99%\s+([\d.]+)(us|ms|s)", output).groups()
    served_gib = bytes_per_second * requests / rate / (1 << 30)
    return {goals.REQUESTS: rate, goals.MEGABYTES: bytes_per_second / 1e6,
            goals.P99: float(p99) * {"us": 1e-3, "ms": 1, "s": 1e3}[scale],
            goals.CPU_PER_GIB: server_seconds / served_gib, "generator_cpu_s": generator_seconds, "wall_s": wall,
            "server_user_s": server_seconds, "server_system_s": 0.0}


def describe_round(workload, one: Round) -> str:
    parts = [f"{name} {shown(sample.figures, workload.shows)}" for name, sample in one.samples.items()]
    foreign = max(sample.foreign for sample in one.samples.values())
    void = "" if one.quiet else f"  VOID: {foreign:.2f} processors foreign"
    return f"round {one.number}.{one.attempt}: " + ", ".join(parts) + void


def shown(figures: dict, metric: str) -> str:
    text = f"{figures[metric]:.4g} {goals.UNITS[metric]}"
    if metric == goals.MEGABYTES:
        text += f" ({figures[goals.CPU_PER_GIB]:.2f} CPU-s/GiB)"
    if metric == goals.REQUESTS:
        text += f" (p99 {figures[goals.P99]:.3g} ms)"
    return text + (", GENERATOR-BOUND" if generator_bound(figures) else "")


def generator_bound(figures: dict) -> bool:
    """True when the generator, not the server, had no time left: the rate is then a lower bound only."""
    if "generator_cpu_s" not in figures:
        return False
    server = figures["server_user_s"] + figures["server_system_s"]
    return figures["generator_cpu_s"] > 0.9 * figures["wall_s"] > server


def _check_same_work(samples: dict):
    """A server that answers with other bodies than the rest is not faster, but wrong."""
    sizes = {name: sample.figures["bytes"] / sample.figures["succeeded"]
             for name, sample in samples.items() if sample.figures.get("succeeded")}
    if len(set(sizes.values())) > 1:
        raise SetUpError(f"bytes per request differ: {sizes}")


def _needed(digest: str, arguments: list, content: Content) -> bool:
    """The image's own blobs, and those that a command line names."""
    return digest.encode() in content.manifest or any(digest in argument for argument in arguments)


def _busy_seconds() -> float:
    user, nice, system, _idle, _iowait, interrupt, soft_interrupt, steal = (
        int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + interrupt + soft_interrupt + steal) * _TICK


def _process_seconds(stat: Path) -> tuple:
    """(parent, CPU seconds) of a process; zeros when it is gone."""
    try:
        fields = stat.read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0, 0.0
    return int(fields[1]), (int(fields[11]) + int(fields[12])) * _TICK


def _kernel_thread_seconds() -> float:
    kthreadd = 2
    usage = (_process_seconds(path / "stat") for path in Path("/proc").iterdir() if path.name.isdigit())
    return sum(seconds for parent, seconds in usage if parent == kthreadd)


def _resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SetUpError(f"process {pid} is gone")
