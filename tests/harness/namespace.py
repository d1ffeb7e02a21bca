"""A private network and mount namespace, for names and addresses that must not be the machine's: docker verifies
certificates only beyond 127.0.0.0/8, so its strict TLS needs another address."""

import ctypes
import multiprocessing
import os
import pathlib
import subprocess
import traceback

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
ADDRESS = "192.0.2.10"  # TEST-NET-1: nobody's


def _enter(scratch: pathlib.Path, hosts: dict[str, str]) -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    lines = "".join(f"{address} {name}\n" for name, address in hosts.items())
    (scratch / "hosts").write_text(pathlib.Path("/etc/hosts").read_text() + lines)
    for command in (["mount", "--make-rprivate", "/"], ["mount", "--bind", scratch / "hosts", "/etc/hosts"],
                    ["ip", "link", "set", "lo", "up"], ["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"]):
        subprocess.run(command, check=True)


def _child(report, scratch, hosts, function) -> None:
    try:
        _enter(scratch, hosts)
        function()
        report.send(None)
    except BaseException:  # whatever it is, it is the test's failure
        report.send(traceback.format_exc())


def run_in_namespace(scratch: pathlib.Path, hosts: dict[str, str], function, seconds: float = 170) -> None:
    """Runs `function` in a process of its own whose loopback also has ADDRESS, and whose /etc/hosts knows `hosts`."""
    assert os.geteuid() == 0, "a namespace needs root"
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sending, scratch, hosts, function))
    process.start()
    sending.close()
    try:
        failure = receiving.recv() if receiving.poll(seconds) else f"nothing within {seconds} s"
    except EOFError:
        failure = "it ended without a word"
    process.join(5)
    if process.is_alive():
        process.kill()
        process.join()
    assert failure is None, failure
