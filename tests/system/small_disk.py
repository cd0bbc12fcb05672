"""A disk that really is full: a small tmpfs, in a mount namespace of the test.

Root can have one, other users only where the system allows user namespaces. enter_namespace() restarts the test
program in one; is_possible() tells whether it runs in one.
"""
import os
import subprocess
import sys

INSIDE = "HARRIER_TEST_MOUNTS"
PAGE = 4096


def enter_namespace():
    """Restarts this program in a new mount namespace; returns only if there can be none."""
    if INSIDE in os.environ:
        return
    for unshare in (["unshare", "-m"], ["unshare", "-Urm"]):
        tried = subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
        if tried.returncode == 0:
            sys.stdout.flush()
            os.execvpe(unshare[0], [*unshare, sys.executable, *sys.argv], {**os.environ, INSIDE: "yes"})
    print("no mount namespace is available here: nothing is tested on a full disk")


def is_possible():
    return INSIDE in os.environ


class SmallDisk:
    """A tmpfs, mounted on the folder."""

    def __init__(self, folder, size):
        self.folder = folder
        self.filler = os.path.join(folder, "filler")
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)

    def unmount(self):
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    def free(self):
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def fill(self, leave=0):
        """Fills the disk up to so many free bytes."""
        with open(self.filler, "ab") as file:
            while self.free() > leave:
                try:
                    file.write(bytes(min(self.free() - leave, 1 << 20) // PAGE * PAGE or PAGE))
                    file.flush()
                except OSError:
                    return

    def make_room(self):
        os.unlink(self.filler)
