#!/usr/bin/env python3
"""Bad inputs at every door, each with the exact error that it must get: tests/cases/bad. Where there is a server, it
answers a good request right after.

usage: test_bad_inputs.py [--update] [CASE…]     --update writes what is said into the cases: read it as a new user would
"""
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

from http_door import Door, HttpTest, head
from server import HARRIERD, POLICY, WAIT, transaction
from wire import decode, encode

HARRIER = os.environ["HARRIER"]
CASES = os.path.join(os.environ["HARRIER_ROOT"], "tests", "cases", "bad")
CASES_MIN = 200
SAID = ("says", "answer")  # the sections with what is expected: the last of a case
# What differs from run to run, or with the versions of Harrier and of zstd.
VARYING = (
    (r"\b\d+ s ahead", "N s ahead"),
    (r"\bg-(\d{20})-[0-9a-f]{16}\b", r"g-\1-ID"),
    (r"\b(byte|bytes|header says|manifest says) \d+", r"\1 N"),
    (r"\b\d+ bytes", "N bytes"),
)
UPDATE = False
CHOSEN = []


class Case:
    """A file of sections "=== KIND [ARGUMENT]"; what is before the first one is a comment."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.relpath(path, CASES)
        with open(path, encoding="utf-8", newline="") as file:
            parts = re.split(r"^=== (.*)\n", file.read(), flags=re.MULTILINE)
        self.comment = parts[0]
        self.sections = [(*(title.split(" ", 1) + [""])[:2], body) for title, body in zip(parts[1::2], parts[2::2])]

    def get(self, kind):
        return next((body for name, _, body in self.sections if name == kind), None)

    def files(self):
        """(path, bytes) of its files; those of kind "hex" are written as hexadecimal digits."""
        for kind, path, body in self.sections:
            if kind == "file":
                yield path, body.encode()
            elif kind == "hex":
                yield path, bytes.fromhex(body)

    def write(self, folder):
        for path, content in self.files():
            place = os.path.join(folder, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "wb") as file:
                os.chmod(place, 0o600)  # some hold keys
                file.write(content)

    def expect(self, said):
        """What is wrong, or None. said: all of it, as the case's last section has it."""
        kind, _, expected = self.sections[-1] if self.sections[-1][0] in SAID else ("says", "", None)
        for pattern, instead in VARYING if self.name.startswith("data/") else VARYING[:1]:
            said = re.sub(pattern, instead, said)
        said = said if said.endswith("\n") else said + "\n"
        if UPDATE and said != expected:
            with open(self.path, "w", encoding="utf-8", newline="") as file:
                file.write(self.comment)
                for name, argument, body in self.sections:
                    if name not in SAID:
                        file.write(f"=== {name} {argument}".rstrip() + "\n" + body)
                file.write(f"=== {kind}\n{said}")
            return None
        return None if said == expected else f"{self.name}\n--- expected\n{expected}--- said\n{said}"


def cases_of(door):
    folder = os.path.join(CASES, door)
    names = sorted(name for name in os.listdir(folder) if name.endswith(".case"))
    return [Case(os.path.join(folder, name)) for name in names if not CHOSEN or f"{door}/{name}" in CHOSEN]


def run(folder, command, **more):
    """What a command line says, with its exit status."""
    words = shlex.split(command)
    programs = {"harrier": HARRIER, "harrierd": HARRIERD}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HARRIER")}
    ran = subprocess.run(
        [programs[words[0]], *words[1:]], cwd=folder, env={**environment, "LC_ALL": "C"}, stdin=subprocess.DEVNULL,
        capture_output=True, timeout=WAIT, check=False, **more)
    return f"exit {ran.returncode}\n" + ran.stderr.decode(errors="backslashreplace")


class BadInputs(HttpTest):
    def setUp(self):
        super().setUp()
        self.failures = []
        self.good = itertools.count(1)  # also for threads

    def tearDown(self):
        self.assertEqual(self.failures, [], "\n".join(self.failures))

    def hold(self, case, said):
        failure = case.expect(said)
        if failure:
            self.failures.append(failure)

    def good_request(self, case):
        """The server is still at work, and so is the door that the case came through."""
        number = next(self.good)
        with Door(self.port) as door:  # closed: open ones would use up all that the server takes, and the next one wait
            decided = door.score({**transaction(number), "card": f"good{number}"})[0]
        if decided.get("decision", {}).get("verdict") != "VERDICT_APPROVE":
            self.failures.append(f"{case.name}: after it, a good request gets {decided}")

    def good_message(self, case, server):
        with server.connect() as connection:
            number = next(self.good)
            decided = connection.score([{**transaction(number), "card": f"good{number}"}])[0]
        if decided.get("decision", {}).get("verdict") != "VERDICT_APPROVE":
            self.failures.append(f"{case.name}: after it, a good message gets {decided}")

    def test_there_are_enough(self):
        count = sum(name.endswith(".case") for _, _, names in os.walk(CASES) for name in names)
        self.assertGreaterEqual(count, CASES_MIN)

    def test_policy(self):
        """A server that is told to load them: it says what `harrier check` says, and goes on."""
        self.start()
        policy = os.path.join(self.folder, "policy")
        for case in cases_of("policy"):
            shutil.rmtree(policy)
            os.makedirs(policy)
            if not any(path == "policy.yaml" for path, _ in case.files()):
                self.write_policy("policy.yaml", POLICY["policy.yaml"])
            case.write(policy)
            with Door(self.port) as door:
                status, answer, _ = door.call("POST", "/v1/reload", {"wait": True})
            if (status, answer.get("result")) != (200, "RELOAD_REFUSED"):
                self.failures.append(f"{case.name}: {status} {answer}")
                continue
            self.hold(case, answer["messages"] + "---\n" + answer["error"] + "\n")
            self.good_request(case)

    def test_http(self):
        self.start("--max_message_bytes=4KiB", "--max_ahead=0")

        def one(case):
            request = case.get("request")
            lines, _, body = request.partition("\n\n")
            method_line, *headers = lines.split("\n")
            if not any(re.match("(?i)content-length|transfer-encoding", line) for line in headers) and body:
                headers.append(f"Content-Length: {len(body.encode())}")
            method, path, *version = method_line.split(" ")
            if any(line.lower().startswith("transfer-encoding") for line in headers):
                body = body.replace("\n", "\r\n")  # chunks that end otherwise are none for newer libraries, which wait for more
            if any(line.lower().startswith("host") for line in headers):
                data = "\r\n".join([method_line, *headers, "", ""]).encode()
            else:
                data = head(method, path, *headers, version=version[0])
            got, _ = self.raw(data + body.encode(), answers=1)
            self.good_request(case)
            return case, got

        # Each waits a moment for what must not follow the answer, so they wait together.
        with ThreadPoolExecutor(8) as pool:
            for case, got in pool.map(one, cases_of("http")):
                status = got.split(b"\r\n", 1)[0].decode()
                content = got.split(b"\r\n\r\n", 1)[-1].decode()
                shown = content
                if content.startswith("{"):
                    shown = json.dumps(json.loads(content), indent=1, ensure_ascii=False)
                self.hold(case, f"{status}\n{shown}\n")

    def test_nng(self):
        server = self.start("--max_message_bytes=4KiB", "--max_ahead=0")
        for case in cases_of("nng"):
            raw = case.get("bytes")
            body = bytes.fromhex(raw) if raw is not None else encode(json.loads(case.get("request")))
            with server.connect() as connection:
                answer = decode("Response", connection.exchange(body))
            answer.pop("request_id", None)
            self.hold(case, json.dumps(answer, indent=1, ensure_ascii=False) + "\n")
            self.good_message(case, server)

    def run_cases(self, door, prepare, server=None):
        """Their commands, a few at once."""
        def one(case):
            folder = os.path.join(self.folder, "cases", case.name)
            prepare(case, folder)
            case.write(folder)
            command = case.get("run").strip()
            said = run(folder, command.replace("{server}", server.address if server else ""))
            return case, said.replace(folder, "FOLDER").replace(self.folder, "FOLDER")

        with ThreadPoolExecutor(2) as pool:
            for case, said in pool.map(one, cases_of(door)):
                self.hold(case, said)
                if server:
                    self.good_message(case, server)

    def test_commands(self):
        self.run_cases("commands", lambda _, folder: os.makedirs(folder))

    def test_files(self):
        self.run_cases("files", lambda _, folder: os.makedirs(folder))

    def test_rows(self):
        self.run_cases("rows", lambda _, folder: os.makedirs(folder), self.start())

    def test_data(self):
        """Data folders with damage."""
        sound = os.path.join(self.folder, "sound")
        os.makedirs(sound)
        make_data(sound)

        def prepare(case, folder):
            shutil.copytree(sound, folder, symlinks=True)
            for line in case.get("damage").splitlines():
                damage(folder, *shlex.split(line))

        self.run_cases("data", prepare)


# ---- data folders ----


def make_data(folder):
    """An archive of three days, two of them sealed, and two generations of tables; always the same."""
    for name, text in POLICY.items():
        place = os.path.join(folder, "policy", name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w", encoding="utf-8") as file:
            file.write(text)
    for day, end in ((1, "--full"), (2, ""), (3, None)):
        with open(os.path.join(folder, "rows.csv"), "w", encoding="utf-8") as file:
            file.write("id,event_time,received_time,amount,currency,card,merchant\n")
            for number in range(20):
                time = f"2026-01-0{day}T10:00:{number:02}Z"
                file.write(f"t{day}-{number},{time},{time},{number + 1}.00,EUR,c{number % 5},m{number % 3}\n")
        commands = ["harrier import data rows.csv --policy policy -q"]
        if end is not None:
            commands.append(f"harrier rebuild --data data -q {end}")
        for command in commands:
            said = run(folder, command)
            assert said.startswith("exit 0"), f"{command}: {said}"
    said = run(folder, "harrier archive seal data -q")
    assert said.startswith("exit 0"), said
    os.remove(os.path.join(folder, "rows.csv"))


def names(folder):
    """Short names of what there is: SEGMENT1… (in order), OLD and NEW (generations)."""
    data = os.path.join(folder, "data")
    segments = sorted(
        os.path.relpath(os.path.join(place, name), folder)
        for place, _, files in os.walk(os.path.join(data, "archive")) for name in files if ".seg" in name)
    generations = sorted(name for name in os.listdir(os.path.join(data, "generations")) if name.startswith("g-"))
    found = {f"SEGMENT{number + 1}": name for number, name in enumerate(segments)}
    for short, name in zip(("OLD", "NEW"), generations):
        found[short] = f"data/generations/{name}"
    return found


def damage(folder, what, path, *more):
    """set PATH OFFSET HEX | cut PATH BYTES | add PATH HEX | remove PATH | move PATH TO | copy PATH TO | link PATH TO |
    replace PATH OLD NEW"""
    known = names(folder)

    def place(text):
        first, slash, rest = text.partition("/")
        return os.path.join(folder, known.get(first, first) + slash + rest)

    path = place(path)
    if what == "set":
        with open(path, "r+b") as file:
            file.seek(int(more[0]), os.SEEK_SET if int(more[0]) >= 0 else os.SEEK_END)
            file.write(bytes.fromhex(more[1]))
    elif what == "cut":
        size = int(more[0])
        os.truncate(path, size if size >= 0 else os.path.getsize(path) + size)
    elif what == "add":
        with open(path, "ab") as file:
            file.write(bytes.fromhex(more[0]))
    elif what == "remove":
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    elif what == "move":
        os.rename(path, place(more[0]))
    elif what == "copy":
        shutil.copy(path, place(more[0]))
    elif what == "link":
        os.remove(path)
        os.symlink(more[0], path)
    elif what == "replace":
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert more[0] in text, (path, more[0])
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(more[0], more[1]))
    else:
        raise ValueError(what)


if __name__ == "__main__":
    UPDATE = "--update" in sys.argv
    CHOSEN = [word for word in sys.argv[1:] if word.endswith(".case")]
    unittest.main(argv=sys.argv[:1], verbosity=1)
