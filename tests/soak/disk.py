"""A small file system of the soak's own, which can be filled to the brim and emptied again. Needs root: it is mounted in
a mount namespace that goes with the process."""

import ctypes
import errno
import os
import pathlib
import subprocess

CLONE_NEWNS = 0x00020000


class SmallDisk:
    def __init__(self, scratch: pathlib.Path, gibibytes: int):
        self.folder = scratch / "disk"
        self.folder.mkdir()
        image = scratch / "disk.ext4"
        with open(image, "wb") as file:
            file.truncate(gibibytes << 30)
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        for command in (["mount", "--make-rprivate", "/"], ["mkfs.ext4", "-q", "-F", "-m", "0", image],
                        ["mount", "-o", "loop", image, self.folder]):
            subprocess.run(command, check=True)
        self.ballast = self.folder / "ballast"

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
