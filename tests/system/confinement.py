"""What tests of sandboxes look at."""
import ctypes
import shutil
import tempfile

LANDLOCK_CREATE_RULESET = 444


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


def has_landlock():
    """As a sandbox needs it; the kernel shows it nowhere else."""
    return ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, 0, 1) >= 2


def elsewhere(test):
    """A folder that no option names."""
    folder = tempfile.mkdtemp(prefix="harrier-elsewhere-", dir="/var/tmp")
    test.addCleanup(shutil.rmtree, folder)
    return folder
