"""A PostgreSQL server for a measurement, queried with psql over a unix socket."""

import contextlib
import glob
import os
import shutil
import signal
import subprocess

from server import WAIT, Server, pinned


# For analytic queries over whole tables, with the machine to itself.
ANALYTIC = {"shared_buffers": "2GB", "work_mem": "4GB", "maintenance_work_mem": "1GB", "hash_mem_multiplier": "2", "max_wal_size": "16GB"}
ANALYTIC |= {"max_worker_processes": "16", "max_parallel_workers": "16", "autovacuum": "off", "fsync": "off", "wal_level": "minimal"}
ANALYTIC |= {"max_wal_senders": "0", "checkpoint_timeout": "1h", "random_page_cost": "1.1", "effective_cache_size": "8GB"}


def programs():
    """The folder of the newest installed version's programs; None if there is none."""
    return max(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]), default=None)


def version():
    return subprocess.run([f"{programs()}/postgres", "--version"], capture_output=True, text=True, check=True).stdout.strip()


class Postgres(Server):
    """initdb refuses to run as root, so root switches to `postgres`, the user that the package creates."""

    def __init__(self, folder, core, settings):
        self.bin = programs()
        self.folder = os.path.join(folder, "postgres")
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        os.mkdir(self.folder)
        if self.user:
            shutil.chown(self.folder, "postgres", "postgres")
            os.chmod(folder, 0o755)
        initdb = [f"{self.bin}/initdb", "-D", f"{self.folder}/db", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale"]
        subprocess.run([*self.user, *initdb], check=True, stdout=subprocess.DEVNULL, cwd="/")
        settings = {"listen_addresses": "", "unix_socket_directories": self.folder} | settings
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        # stop() signals the postmaster by this pid: the child process may be runuser.
        self.pids = f"{self.folder}/db/postmaster.pid"
        super().__init__("postgres", folder, pinned(core, [*self.user, f"{self.bin}/postgres", "-D", f"{self.folder}/db", *flags]))
        self.await_(lambda: self.sql("SELECT 1", database="postgres") == "1")
        self.sql("CREATE DATABASE bench", database="postgres")

    def stop(self, how=signal.SIGINT):
        with contextlib.suppress(OSError, ValueError), open(self.pids, encoding="ascii") as file:
            os.kill(int(file.readline()), how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=WAIT)
        super().stop()

    def throw_away(self):
        """Stops without a checkpoint: the data is not needed any more."""
        self.stop(signal.SIGQUIT)

    def cpu_seconds(self):
        return self.processor_ns() / 1e9

    def sql(self, text, database="bench"):
        command = [f"{self.bin}/psql", "-h", self.folder, "-U", "postgres", "-d", database, "-qAtX", "-v", "ON_ERROR_STOP=1"]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd="/").stdout.strip()

    def pgbench(self, script, clients, seconds, variables, synchronous_commit, log):
        """The command and its environment. pgbench writes the time of each transaction to files that begin with `log`."""
        command = [f"{self.bin}/pgbench", "-h", self.folder, "-U", "postgres", "-n", "-M", "prepared", "-f", script, "-c", str(clients)]
        command += ["-j", "1", "-T", str(seconds), "-l", f"--log-prefix={log}"]
        command += [word for name, value in variables.items() for word in ("-D", f"{name}={value}")] + ["bench"]
        return command, {"PGOPTIONS": f"-c synchronous_commit={synchronous_commit}"}
