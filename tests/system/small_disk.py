"""A disk that is really full: a small tmpfs, in a mount namespace that is the test's own.

Whether one can be had depends on who runs the tests: root may, others may where the system allows user
namespaces. enter_namespace() starts the test program again in one; is_possible() says whether it is in one.
"""
import os
import subprocess
import sys

INSIDE = "HARRIER_TEST_MOUNTS"
PAGE = 4096


def enter_namespace():
    """Returns where no namespace can be had, else does not."""
    if INSIDE in os.environ:
        return
    for unshare in (["unshare", "-m"], ["unshare", "-Urm"]):
        tried = subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
        if tried.returncode == 0:
            sys.stdout.flush()
            os.execvpe(unshare[0], [*unshare, sys.executable, *sys.argv], {**os.environ, INSIDE: "yes"})
    print("no mount namespace can be had here: nothing is tested on a full disk")


def is_possible():
    return INSIDE in os.environ


class SmallDisk:
    """A tmpfs on the folder, which is made."""

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
        """Until only so many bytes are free."""
        with open(self.filler, "ab") as file:
            while self.free() > leave:
                try:
                    file.write(bytes(min(self.free() - leave, 1 << 20) // PAGE * PAGE or PAGE))
                    file.flush()
                except OSError:
                    return

    def make_room(self):
        os.unlink(self.filler)
