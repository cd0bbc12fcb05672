"""The servers of the measurement: each is a process with a temporary folder and its own port, ended by its process id. All are
pinned to the same core."""

import http.client
import json
import os
import socket
import subprocess
import sys

import redis
import ruleset

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import postgres  # noqa: E402  (found by the line before)
from server import Server, pinned  # noqa: E402

ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
POLICY = os.path.join(ROOT, "rules", "card-payments")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def source_of(name):
    """The text of a script in this folder, with the rules inserted."""
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        text = file.read()
    return text.replace("--@RULES@\n", (ruleset.to_sql() if name.endswith(".sql") else ruleset.to_lua()) + "\n")


class Redis(Server):
    """Without persistence, which is Redis at its fastest."""

    NOT_YET = (*Server.NOT_YET, redis.RedisError)

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
    """A web service with POST /score."""

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


class Postgres(postgres.Postgres):
    """PostgreSQL with the table and the function of postgres.sql."""

    def __init__(self, folder, core):
        settings = {"shared_buffers": "512MB", "max_wal_size": "4GB", "max_connections": "80", "autovacuum_naptime": "10s", "jit": "off"}
        super().__init__(folder, core, settings)
        try:
            self.sql(source_of("postgres.sql"))
        except subprocess.CalledProcessError as error:
            self.stop()
            raise SystemExit(f"postgres.sql: {error.stderr}") from error


class Harrier(Server):
    def __init__(self, name, folder, core, programs, policy=POLICY, durability="written"):
        self.port, self.programs = free_port(), programs
        self.address = f"tcp://127.0.0.1:{self.port}"
        command = [programs.harrierd, "--config=/dev/null", f"--listen={self.address}", "--admin_listen=", f"--policy={policy}"]
        command += [f"--data_dir={folder}/{name}", f"--durability={durability}"]
        super().__init__(name, folder, pinned(core, command))
        status = [programs.harrier, "status", "--to", self.address, "--wait-ready", "30s"]
        self.await_(lambda: subprocess.run(status, check=True, capture_output=True))
