"""harrier-console as a process, and a browser's session with it."""
import http.client
import json
import os
import subprocess
import time
import urllib.parse

from server import WAIT, free_port

CONSOLE = os.environ.get("HARRIER_CONSOLE", "")
HARRIER = os.environ["HARRIER"]
DATABASES: dict[tuple, tuple[bytes, dict]] = {}  # of add_people: people, and the database and passwords of these


class Session:
    """What a browser keeps: the cookie, and the token that requests with an effect carry."""

    def __init__(self, port, context=None, headers=None):
        """context: TLS, and which certificates are trusted. headers: what a proxy adds to each request."""
        self.port, self.context, self.headers = port, context, headers or {}
        self.cookie = self.csrf = None

    def ask(self, method, path, body=None, headers=None):
        """(status, body, headers)"""
        if self.context:
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=WAIT, context=self.context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        sent = {"Cookie": self.cookie} if self.cookie else {}
        if method == "POST":
            sent["Content-Type"] = "application/json"
            sent["X-CSRF-Token"] = self.csrf or ""
        sent.update({**self.headers, **(headers or {})})
        sent = {name: value for name, value in sent.items() if value is not None}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.headers.get("Content-Type", "").startswith("application/json") and method != "HEAD":
            content = json.loads(content)
        return answer.status, content, answer.headers

    def get(self, path, /, **query):
        return self.ask("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""))[:2]

    def post(self, path, /, **body):
        return self.ask("POST", path, body)[:2]

    def sign_in(self, name, password):
        return self.begin({"name": name, "password": password})[0]

    def begin(self, words, **headers):
        status, body, headers = self.ask("POST", "/api/sign-in", words, headers)
        if status == 200:
            self.cookie = headers["Set-Cookie"].split(";")[0]
            self.csrf = body["csrf"]
        return status, body, headers


class Console:
    def __init__(self, folder, server, *flags):
        self.folder, self.server, self.flags = folder, server, flags
        self.data = os.path.join(folder, "console")
        self.messages = os.path.join(folder, "console.err")
        self.port = free_port()
        self.archive = os.path.join(server.folder, "data")
        self.harrier = HARRIER  # what its jobs run
        self.process = None
        self.passwords = {}

    def run(self, *words):
        return subprocess.run([CONSOLE, f"--data={self.data}", *words], capture_output=True, text=True, timeout=WAIT)

    def add_person(self, name, role):
        done = self.run("add-person", name, role)
        assert done.returncode == 0, done.stderr
        self.passwords[name] = done.stdout.strip()

    def add_people(self, people):
        """[(name, role)] in a folder that has no database yet. Hashing a password takes its time, so only the first console
        with these people makes them; the others of this process begin with a copy of its database."""
        path = os.path.join(self.data, "console.sqlite")
        if people not in DATABASES:
            for name, role in people:
                self.add_person(name, role)
            with open(path, "rb") as database:
                DATABASES[people] = database.read(), dict(self.passwords)
            return
        os.makedirs(self.data, 0o700)
        content, passwords = DATABASES[people]
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as database:
            database.write(content)
        self.passwords.update(passwords)

    def start(self):
        with open(self.messages, "ab") as messages:
            self.process = subprocess.Popen(
                [CONSOLE, f"--data={self.data}", f"--server={self.server.address}", f"--listen=127.0.0.1:{self.port}",
                 f"--harrier={self.harrier}", *self.flags, self.archive],
                stderr=messages, umask=0o077,  # as its unit has it
            )
        deadline = time.monotonic() + WAIT
        while "the console is at" not in self.said().rpartition("--start--")[2] and time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(self.said())
            time.sleep(0.01)
        with open(self.messages, "a", encoding="utf-8") as messages:
            messages.write("--start--\n")
        return self

    def said(self):
        with open(self.messages, encoding="utf-8") as messages:
            return messages.read()

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=WAIT)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def session(self, name=None):
        session = Session(self.port)
        if name:
            assert session.sign_in(name, self.passwords[name]) == 200
        return session


def wait_for(probe):
    """Until it is true, and returns it."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        value = probe()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it never came")
