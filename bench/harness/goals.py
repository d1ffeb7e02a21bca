"""The goals as data: what is run against whom, and which ratio is wanted of it.

A workload is one command line of the load generator (or one of the kinds below). A criterion compares a metric of one
server with that of another in the same round, or with an absolute figure. Changing a goal is changing a row here.
"""

from dataclasses import dataclass, field

# Servers, in the order in which a round visits them.
NGINX = "nginx"
REGISTRY = "docker-registry"
SWF, SEWF = "upload-bound swf", "upload-bound sewf"
DSF, DSEF = "upload-bound dsf", "upload-bound dsef"
SENDFILE, SEALED, OVERLAP = "pull-bound file", "pull-bound sealed", "pull-bound overlap"
DISK, ENTREPOT = "entrepot disk", "entrepot"
CHUNKED = "entrepot disk, in chunks"
NGINX_TLS, DISK_TLS = "nginx TLS", "entrepot disk TLS"
MOTO = "moto"  # answers ECR's API, checks no signature and keeps everything in memory
FULL, FULLER = "entrepot, 10k images", "entrepot, 100k images"
SERVERS = (NGINX, REGISTRY, SWF, SEWF, DSF, DSEF, SENDFILE, SEALED, OVERLAP, DISK, CHUNKED, MOTO, ENTREPOT, FULL, FULLER,
           NGINX_TLS, DISK_TLS)

# Metrics: keys of the generator's line, with the unit a report shows.
REQUESTS, MEGABYTES = "requests_per_s", "mb_per_s"
P50, P99 = "p50_ms", "p99_ms"
CPU_PER_GIB = "server_cpu_s_per_gib"
RESIDENT, PER_CONNECTION, START = "rss_mib", "kib_per_connection", "start_ms"
UNITS = {REQUESTS: "req/s", MEGABYTES: "MB/s", P50: "ms p50", P99: "ms p99", CPU_PER_GIB: "CPU-s/GiB",
         RESIDENT: "MiB", PER_CONNECTION: "KiB", START: "ms"}


@dataclass(frozen=True)
class Workload:
    """`arguments` may name {seconds}, {pulls}, {pushes} and the content of content.py, such as {blob_1m}.

    pinned: the server has one processor and the generator another. fresh: every round begins with an empty data
    directory, because the workload fills it. timed: others who use the machine spoil it. kind: "load", or "start"
    (spawn it), "resident" (look at it), "tls" (wrk, because the generator speaks no TLS; `arguments` are its options,
    then the path), "api" (signed requests: the `script` of api_load.py). arguments_of: what single servers get instead.
    images_of: how many images single servers hold before.
    """
    title: str
    arguments: tuple = ()
    arguments_of: dict = field(default_factory=dict)
    images_of: dict = field(default_factory=dict)
    script: str = ""
    pinned: bool = True
    fresh: bool = False
    timed: bool = True
    kind: str = "load"
    shows: str = REQUESTS


@dataclass(frozen=True)
class Criterion:
    """`metric` of `subject`, divided by that of `against` where one is named; without a limit it is for reference.

    A factor over a peer is a goal only as far as `bound` can reach it on this machine: where it does not, `share` of what
    it reaches in the same rounds is wanted (docs/decisions/0008).
    """
    goal: str
    workload: str
    subject: str
    metric: str
    against: str = ""
    at_least: float | None = None
    at_most: float | None = None
    bound: str = ""
    share: float = 1


def _pull(blob, connections):
    return ("get", "--path", f"/v2/bench/blobs/{{{blob}}}", "--connections", str(connections))


def _manifest(reference, connections):
    return ("get", "--path", f"/v2/bench/manifests/{reference}", "--connections", str(connections),
            "--seconds", "{seconds}")


def _push(size, connections, *amount, mode="push"):
    return (mode, "--size", str(size), "--connections", str(connections), *amount)


def _api(title, script, connections, **more):
    return Workload(title, ("replay", "--connections", str(connections)), script=script, kind="api", **more)


def _api_over_and_over(title, script, connections, **more):
    return Workload(title, ("replay", "--connections", str(connections), "--seconds", "{seconds}"), script=script,
                    kind="api", **more)


KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

WORKLOADS = {
    "pull-1g": Workload("GET 1 GiB", (*_pull("blob_1g", 1), "--requests", "{pulls}"), shows=MEGABYTES),
    "pull-1g-free": Workload("GET 1 GiB, not pinned", (*_pull("blob_1g", 1), "--requests", "{pulls}"),
                             pinned=False, shows=MEGABYTES),
    "pull-1m": Workload("GET 1 MiB, 16 connections", (*_pull("blob_1m", 16), "--seconds", "{seconds}"),
                        shows=MEGABYTES),
    "pull-1k": Workload("GET 1 KiB, 16 connections", (*_pull("blob_1k", 16), "--seconds", "{seconds}")),
    "pull-1m-tls": Workload("GET 1 MiB over TLS, 16 connections",
                            ("--connections", "16", "--duration", "{seconds}", "/v2/bench/blobs/{blob_1m}"),
                            kind="tls", shows=MEGABYTES),
    "manifest-tls": Workload("GET manifest by tag over TLS, 128 connections",
                             ("--connections", "128", "--duration", "{seconds}", "/v2/bench/manifests/latest"),
                             kind="tls"),
    "manifest-tag": Workload("GET manifest by tag, 128 connections", _manifest("latest", 128)),
    "manifest-digest": Workload("GET manifest by digest, 128 connections", _manifest("{manifest_digest}", 128)),
    "manifest-512": Workload("GET manifest by tag, 512 connections", _manifest("latest", 512), shows=P99),
    "head-blob": Workload("HEAD blob, 128 connections",
                          ("head", "--path", "/v2/bench/blobs/{blob_1m}", "--connections", "128",
                           "--seconds", "{seconds}")),
    "push-256m": Workload("push 256 MiB", _push(256 * MIB, 1, "--requests", "{pushes}"), fresh=True, shows=MEGABYTES),
    "push-256m-free": Workload("push 256 MiB, not pinned", _push(256 * MIB, 1, "--requests", "{pushes}"),
                               pinned=False, fresh=True, shows=MEGABYTES),
    "push-1g-free": Workload("push 1 GiB, not pinned", _push(GIB, 1, "--requests", "1"), pinned=False, fresh=True,
                             shows=MEGABYTES),
    "push-256m-chunks": Workload(
        "push 256 MiB, whole or in PATCHes of 1 MiB", _push(256 * MIB, 1, "--requests", "{pushes}"), fresh=True,
        shows=MEGABYTES, arguments_of={CHUNKED: _push(256 * MIB, 1, "--requests", "{pushes}", mode="push-chunks")}),
    "push-1k": Workload("push 1 KiB, 16 connections", _push(KIB, 16, "--seconds", "{seconds}"), fresh=True),
    "push-1k-one": Workload("push 1 KiB, one connection", _push(KIB, 1, "--seconds", "{seconds}"), fresh=True,
                            shows=P50),
    "put-manifest": Workload("PUT manifest, 16 connections",
                             ("manifest", "--body", "{manifest_template}", "--connections", "16",
                              "--seconds", "{seconds}"), fresh=True),
    "put-manifest-one": Workload("PUT manifest, one connection",
                                 ("manifest", "--body", "{manifest_template}", "--seconds", "{seconds}"),
                                 fresh=True, shows=P50),
    "tokens": _api_over_and_over("GetAuthorizationToken, 16 connections", "tokens", 16),
    "images-100": _api_over_and_over("DescribeImages, a page of 100, 16 connections", "pages of 100", 16,
                                     images_of={ENTREPOT: 1000}),
    "images-1000": _api_over_and_over("DescribeImages, a page of 1000, one connection", "pages of 1000", 1,
                                      images_of={ENTREPOT: 1000}, shows=P50),
    "put-image": _api("PutImage, one connection", "put images", 1, fresh=True, shows=P50,
                      images_of={FULL: 10_000, FULLER: 100_000}),
    "large-parts": _api("UploadLayerPart of 10 MiB, one connection", "large parts", 1, fresh=True, shows=CPU_PER_GIB),
    "every-rate": _api("eight operations at ECR's default rates, 32 connections", "every rate", 32, fresh=True),
    "resident": Workload("resident memory, idle and empty", kind="resident", fresh=True, timed=False,
                         shows=RESIDENT),
    "idle": Workload("an idle connection, of 2000", ("idle", "--connections", "2000", "--seconds", "1"),
                     fresh=True, timed=False, shows=PER_CONNECTION),
    "start": Workload("start to first answer", ("start",), kind="start", pinned=False, fresh=True, shows=START),
}

CRITERIA = (
    Criterion("P1", "pull-1g", DISK, MEGABYTES, NGINX, at_least=0.95),
    Criterion("P1", "pull-1g", DISK, CPU_PER_GIB, NGINX, at_most=1.1),
    Criterion("P1", "pull-1g", DISK, MEGABYTES, REGISTRY, at_least=2.5, bound=NGINX, share=0.95),
    Criterion("P2", "pull-1m", DISK, MEGABYTES, NGINX, at_least=0.9),
    Criterion("P2", "pull-1m", DISK, MEGABYTES, REGISTRY, at_least=5, bound=NGINX, share=0.9),
    Criterion("P3", "pull-1k", ENTREPOT, REQUESTS, NGINX, at_least=0.8),
    Criterion("P3", "pull-1k", ENTREPOT, REQUESTS, REGISTRY, at_least=80),
    # P4 is for anonymous pulls of the public registry. Until that is served its rows too are run with a token, which
    # makes them harder, not easier.
    Criterion("P4", "manifest-tag", ENTREPOT, REQUESTS, NGINX, at_least=0.8),
    Criterion("P4", "manifest-tag", ENTREPOT, P99, NGINX, at_most=2),
    Criterion("P4", "manifest-tag", ENTREPOT, P99, at_most=12),
    Criterion("P4", "manifest-tag", ENTREPOT, REQUESTS, REGISTRY, at_least=45),
    Criterion("P4", "manifest-tag", ENTREPOT, P99, REGISTRY, at_most=0.05),
    Criterion("P4", "manifest-512", ENTREPOT, P99, at_most=40),
    Criterion("P5", "manifest-tag", ENTREPOT, REQUESTS, NGINX, at_least=0.6),
    Criterion("P5", "manifest-digest", ENTREPOT, REQUESTS, NGINX, at_least=0.6),
    Criterion("P6", "head-blob", ENTREPOT, REQUESTS, NGINX, at_least=0.8),
    Criterion("P6", "head-blob", ENTREPOT, REQUESTS, REGISTRY, at_least=40),
    Criterion("P7", "pull-1m-tls", DISK_TLS, MEGABYTES, NGINX_TLS, at_least=0.9),
    Criterion("P7", "pull-1m-tls", DISK_TLS, CPU_PER_GIB, NGINX_TLS),
    Criterion("P7", "manifest-tls", DISK_TLS, REQUESTS, NGINX_TLS),
    Criterion("U1", "push-256m", DISK, MEGABYTES, SWF, at_least=1.2),
    Criterion("U1", "push-256m", DISK, CPU_PER_GIB, at_most=1.6),
    Criterion("U1", "push-256m", DISK, MEGABYTES, REGISTRY, at_least=3),
    Criterion("U1", "push-256m", DISK, CPU_PER_GIB, REGISTRY, at_most=0.2, bound=DSF, share=1.2),
    Criterion("U1", "push-256m", DSF, MEGABYTES, SWF),
    Criterion("U2", "push-256m-free", DISK, MEGABYTES, SWF, at_least=1.8, bound=DSF, share=0.9),
    Criterion("U2", "push-256m-free", DISK, MEGABYTES, DSF, at_least=0.9),
    Criterion("U2", "push-256m-free", DISK, MEGABYTES, REGISTRY, at_least=6, bound=DSF, share=0.9),
    Criterion("U2", "push-1g-free", DISK, MEGABYTES, SWF, at_least=2.5, bound=DSF, share=0.9),
    Criterion("U2", "push-1g-free", DISK, MEGABYTES, DSF, at_least=0.9),
    Criterion("U2", "push-1g-free", DISK, MEGABYTES, REGISTRY, at_least=6, bound=DSF, share=0.9),
    Criterion("U3", "push-256m-chunks", CHUNKED, MEGABYTES, DISK, at_least=0.9),
    Criterion("U4", "push-1k", ENTREPOT, REQUESTS, SWF, at_least=0.5),
    Criterion("U4", "push-1k", ENTREPOT, REQUESTS, REGISTRY, at_least=13),
    Criterion("U4", "push-1k-one", ENTREPOT, P50, at_most=2),
    Criterion("U5", "put-manifest", ENTREPOT, REQUESTS, at_least=1500),
    Criterion("U5", "put-manifest", ENTREPOT, REQUESTS, REGISTRY, at_least=10),
    Criterion("U5", "put-manifest-one", ENTREPOT, P50, at_most=1.5),
    Criterion("U5", "put-manifest-one", ENTREPOT, REQUESTS, REGISTRY, at_least=6),
    Criterion("K1", "push-256m", ENTREPOT, MEGABYTES, DISK, at_least=0.8),
    Criterion("K1", "push-256m-free", ENTREPOT, MEGABYTES, DISK, at_least=0.8),
    Criterion("K1", "push-256m", SEWF, MEGABYTES, SWF),
    Criterion("K1", "push-256m-free", DSEF, MEGABYTES, DSF),
    Criterion("K2", "pull-1g", ENTREPOT, MEGABYTES, DISK, at_least=0.4),
    Criterion("K2", "pull-1g", ENTREPOT, CPU_PER_GIB, at_most=0.85),
    Criterion("K2", "pull-1g", ENTREPOT, MEGABYTES, REGISTRY, at_least=1, bound=SENDFILE, share=0.4),
    Criterion("K2", "pull-1g-free", ENTREPOT, MEGABYTES, DISK, at_least=0.5),
    Criterion("K2", "pull-1g", SEALED, MEGABYTES, SENDFILE),
    Criterion("K2", "pull-1g", ENTREPOT, MEGABYTES, SEALED),
    Criterion("K2", "pull-1g-free", OVERLAP, MEGABYTES, SENDFILE),
    # All of A1 to A4 is pinned: figures of one processor. moto answers every page with the 100 images that it has.
    Criterion("A1", "tokens", ENTREPOT, REQUESTS, at_least=15_000),
    Criterion("A1", "tokens", ENTREPOT, P99, at_most=5),
    Criterion("A1", "tokens", ENTREPOT, REQUESTS, MOTO, at_least=65),
    Criterion("A2", "images-100", ENTREPOT, REQUESTS, at_least=3000),
    Criterion("A2", "images-100", ENTREPOT, REQUESTS, MOTO, at_least=50),
    Criterion("A2", "images-1000", ENTREPOT, P50, at_most=2),
    Criterion("A3", "put-image", ENTREPOT, P50, at_most=1.5),
    Criterion("A3", "put-image", FULL, P50, ENTREPOT, at_most=1.2),
    Criterion("A3", "put-image", FULLER, P50, ENTREPOT, at_most=1.2),
    # An open loop: a server that does not sustain the rates falls behind more and more.
    Criterion("A4", "every-rate", ENTREPOT, P99, at_most=20),
    Criterion("A4", "large-parts", ENTREPOT, CPU_PER_GIB),
    Criterion("R1", "resident", ENTREPOT, RESIDENT, at_most=20),
    Criterion("R1", "resident", ENTREPOT, RESIDENT, REGISTRY),
    Criterion("R2", "idle", ENTREPOT, PER_CONNECTION, at_most=2),
    Criterion("R2", "idle", ENTREPOT, PER_CONNECTION, REGISTRY),
    Criterion("R2", "idle", ENTREPOT, PER_CONNECTION, NGINX),
    Criterion("R3", "start", ENTREPOT, START, at_most=30),
    Criterion("R3", "start", ENTREPOT, START, REGISTRY),
)


def goal_names():
    return list(dict.fromkeys(criterion.goal for criterion in CRITERIA))


def servers_of(workload, criteria):
    """Whom a workload is run against, in the order of a round."""
    named = {name for c in criteria if c.workload == workload for name in (c.subject, c.against, c.bound)}
    return [name for name in SERVERS if name in named]
