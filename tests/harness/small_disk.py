"""A small ext4 file system of a test's own, which can be filled to the brim and emptied again, and whose power can be cut.
Needs root: it is mounted in a mount namespace that goes with the process."""

import ctypes
import errno
import fcntl
import os
import pathlib
import struct
import subprocess
import tempfile

CLONE_NEWNS = 0x00020000
EXT4_IOC_SHUTDOWN = 0x8004587D  # linux/fs/ext4/ext4.h: _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2  # neither data nor the journal's open transaction reaches the disk


def why_none() -> str:
    """Why this machine can mount no such disk; "" when it can."""
    if os.geteuid() != 0:
        return "only root may mount one"
    with tempfile.TemporaryDirectory(prefix="small-disk-") as scratch:
        commands = (f"truncate -s 16M {scratch}/image && mkfs.ext4 -q -F {scratch}/image && mkdir {scratch}/mounted && "
                    f"mount -o loop {scratch}/image {scratch}/mounted && umount {scratch}/mounted")
        outcome = subprocess.run(["unshare", "--mount", "sh", "-c", commands], capture_output=True, text=True, check=False)
    return "" if outcome.returncode == 0 else outcome.stderr.strip().splitlines()[-1]


class SmallDisk:
    def __init__(self, scratch: pathlib.Path, gibibytes: int):
        self.folder = scratch / "disk"
        self.folder.mkdir()
        self.image = scratch / "disk.ext4"
        with open(self.image, "wb") as file:
            file.truncate(gibibytes << 30)
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        for command in (["mount", "--make-rprivate", "/"], ["mkfs.ext4", "-q", "-F", "-m", "0", self.image]):
            subprocess.run(command, check=True)
        self.mount()
        self.ballast = self.folder / "ballast"

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop,errors=remount-ro", self.image, self.folder], check=True)

    def cut_power(self) -> None:
        """What was not synced is gone, and whatever touches the disk from now on gets EIO."""
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(folder)

    def turn_read_only(self) -> None:
        """As the kernel does when it finds an error in the file system: open files can be read on."""
        device = subprocess.run(["findmnt", "-n", "-o", "SOURCE", self.folder], check=True, capture_output=True,
                                text=True).stdout.strip()
        pathlib.Path("/sys/fs/ext4", pathlib.Path(device).name, "trigger_fs_error").write_text("1")

    def restore_power(self) -> None:
        """When nobody has a file open on it any more: the journal is replayed, and it is as after a power failure."""
        self.close()
        self.mount()

    def free(self) -> int:
        state = os.statvfs(self.folder)
        return state.f_bavail * state.f_frsize

    def fill(self, leave: int) -> None:
        """Others write meanwhile: what there was a moment ago may be too much."""
        with open(self.ballast, "ab") as file:
            while (wanted := self.free() - leave) > 0:
                try:
                    return os.posix_fallocate(file.fileno(), file.tell(), wanted)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def empty(self) -> None:
        self.ballast.unlink(missing_ok=True)

    def close(self) -> None:
        subprocess.run(["umount", self.folder], check=True)
