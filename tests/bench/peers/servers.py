"""The servers of the measurement: each a process that is started here, in a folder that goes, on a port of its own, and ended by
its process id. All of them are pinned to the same core."""

import contextlib
import glob
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import redis
import ruleset

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
POLICY = os.path.join(ROOT, "rules", "card-payments")
WAIT = 60  # seconds for what takes one on a machine that does nothing else


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pinned(core, command):
    return command if core is None else ["taskset", "-c", str(core), *command]


def source_of(name):
    """A script of this folder with the rules in it."""
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        text = file.read()
    return text.replace("--@RULES@\n", (ruleset.to_sql() if name.endswith(".sql") else ruleset.to_lua()) + "\n")


def processor_ns(process):
    """Of the process, of its children, and of those that have ended and that it has waited for. 0: it has just gone."""
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as stat:
            waited_for = stat.read().rsplit(")", 1)[1].split()[13:15]
        total = sum(map(int, waited_for)) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        for task in glob.glob(f"/proc/{process}/task/*"):
            with open(f"{task}/schedstat", encoding="ascii") as stat:
                total += int(stat.read().split()[0])
            with open(f"{task}/children", encoding="ascii") as children:
                total += sum(map(processor_ns, children.read().split()))
        return total
    except OSError:
        return 0


class Server:
    """One process, its messages in a file."""

    def __init__(self, name, folder, command, environment=None):
        self.name = name
        self.said = os.path.join(folder, f"{name}.said")
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env={**os.environ, **(environment or {})}
            )

    def await_(self, is_there):
        deadline = time.monotonic() + WAIT
        while self.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError, redis.RedisError, subprocess.CalledProcessError):
                if is_there():
                    return self
            time.sleep(0.05)
        self.stop()
        with open(self.said, encoding="utf-8", errors="replace") as said:
            raise SystemExit(f"{self.name} did not start:\n{said.read()[-4000:]}")

    def processor_ns(self):
        return processor_ns(self.process.pid)

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(timeout=WAIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Redis(Server):
    """Nothing is written to disk: that is the fastest that Redis can be."""

    def __init__(self, folder, core):
        self.port, self.socket = free_port(), os.path.join(folder, "redis.sock")
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket]
        command += ["--save", "", "--appendonly", "no", "--dir", folder]
        super().__init__("redis", folder, pinned(core, command))
        self.client = redis.Redis(unix_socket_path=self.socket)
        self.await_(self.client.ping)

    def load_script(self, name):
        return self.client.script_load(source_of(name))

    def version(self):
        return "Redis " + self.client.info()["redis_version"]


class Web(Server):
    """A service with POST /score on a port."""

    def __init__(self, name, folder, core, port, command, environment=None):
        self.port = port
        super().__init__(name, folder, pinned(core, command), environment)
        self.await_(lambda: socket.create_connection(("127.0.0.1", self.port)).close() or True)

    def ask(self, payments):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        for payment in payments:
            connection.request("POST", "/score", json.dumps(payment), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise SystemExit(f"{self.name} answers {answer.status}: {body.decode(errors='replace')}")
            yield json.loads(body)
        connection.close()


def fastapi(folder, core, store, database, model, fetch):
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "fastapi_app:app", "--app-dir", HERE, "--port", str(port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    environment = {"REDIS_SOCKET": store.socket, "REDIS_DATABASE": str(database), "MODEL": model, "FETCH": fetch}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    return Web(f"fastapi-{fetch}", folder, core, port, command, environment)


def node(folder, core, store, database, node_folder, engine):
    port = free_port()
    command = ["node", os.path.join(node_folder, "node_app.mjs"), HERE, engine, str(port), store.socket, str(database)]
    return Web(f"node-{engine}", folder, core, port, command, {"NODE_ENV": "production"})


class Postgres(Server):
    """initdb refuses to be root, so root becomes `postgres`, the user that the package makes."""

    def __init__(self, folder, core):
        self.bin = max(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
        self.folder = os.path.join(folder, "postgres")
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        os.mkdir(self.folder)
        if self.user:
            shutil.chown(self.folder, "postgres", "postgres")
            os.chmod(folder, 0o755)
        initdb = [f"{self.bin}/initdb", "-D", f"{self.folder}/db", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale"]
        subprocess.run([*self.user, *initdb], check=True, stdout=subprocess.DEVNULL, cwd="/")
        settings = {"listen_addresses": "", "unix_socket_directories": self.folder, "shared_buffers": "512MB", "max_wal_size": "4GB"}
        settings |= {"max_connections": "80", "autovacuum_naptime": "10s", "jit": "off"}
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        # As `postgres` itself, not as a child of runuser: the signal must reach it.
        self.pids = f"{self.folder}/db/postmaster.pid"
        super().__init__("postgres", folder, pinned(core, [*self.user, f"{self.bin}/postgres", "-D", f"{self.folder}/db", *flags]))
        self.await_(lambda: self.sql("SELECT 1", database="postgres") == "1")
        try:
            self.sql("CREATE DATABASE bench", database="postgres")
            self.sql(source_of("postgres.sql"))
        except subprocess.CalledProcessError as error:
            self.stop()
            raise SystemExit(f"postgres.sql: {error.stderr}") from error

    def stop(self, how=signal.SIGINT):
        with contextlib.suppress(OSError, ValueError), open(self.pids, encoding="ascii") as file:
            os.kill(int(file.readline()), how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=WAIT)
        super().stop()

    def sql(self, text, database="bench"):
        command = [f"{self.bin}/psql", "-h", self.folder, "-U", "postgres", "-d", database, "-qAtX", "-v", "ON_ERROR_STOP=1"]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd="/").stdout.strip()

    def pgbench(self, script, clients, seconds, variables, synchronous_commit, log):
        """Times of every transaction are in files that begin with `log`."""
        command = [f"{self.bin}/pgbench", "-h", self.folder, "-U", "postgres", "-n", "-M", "prepared", "-f", script, "-c", str(clients)]
        command += ["-j", "1", "-T", str(seconds), "-l", f"--log-prefix={log}"]
        command += [word for name, value in variables.items() for word in ("-D", f"{name}={value}")] + ["bench"]
        return command, {"PGOPTIONS": f"-c synchronous_commit={synchronous_commit}"}


class Harrier(Server):
    def __init__(self, name, folder, core, programs, policy=POLICY, durability="written"):
        self.port, self.programs = free_port(), programs
        self.address = f"tcp://127.0.0.1:{self.port}"
        command = [programs.harrierd, "--config=/dev/null", f"--listen={self.address}", "--admin_listen=", f"--policy={policy}"]
        command += [f"--data_dir={folder}/{name}", f"--durability={durability}"]
        super().__init__(name, folder, pinned(core, command))
        status = [programs.harrier, "status", "--to", self.address, "--wait-ready", "30s"]
        self.await_(lambda: subprocess.run(status, check=True, capture_output=True))
