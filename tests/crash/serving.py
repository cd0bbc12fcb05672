"""Images that the programs themselves open: a server starts on one, answers what it had answered before, and what checks
a data folder is run over it."""
import os
import random
import shutil
import subprocess
import sys
import tempfile

from recordings import HARRIER, PERSON, ROOT, move_plan

sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
from server import Server, transaction  # noqa: E402  (found by the line before)

ASKED_AGAIN = 40  # decisions of each image


def promised(lines):
    """{kind: [words of each]}"""
    made = {}
    for line in lines:
        kind, *words = line.split()
        made.setdefault(kind, []).append(words)
    return made


class Image:
    def __init__(self, run, number, folder):
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.recorded = os.path.join(folder, "recorded")
        os.makedirs(self.recorded)
        os.symlink("recorded/data", self.data)
        shutil.copytree(os.path.join(run.folder, run.name, "policy"), os.path.join(folder, "policy"))
        done = subprocess.run(
            [os.environ["CRASH_EXPLORE"], "image", run.journal, self.recorded, "--image", str(number), *run.flags()],
            capture_output=True, text=True, check=True)
        move_plan(self.recorded, run.journal)
        self.name = done.stderr.strip()
        self.is_killed = "programs killed" in self.name
        self.promises = promised(done.stdout.splitlines())

    def harrier(self, *arguments, good=(0,)):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=300, check=False)
        if done.returncode not in good:
            raise AssertionError(f"harrier {' '.join(arguments)}: {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def check_answers(self, connection, is_synced, erased):
        """The same transaction gets its first decision again."""
        known = self.promises.get("decided", [])
        if not is_synced and not self.is_killed:
            synced = max([int(words[0]) for words in self.promises.get("synced", [])], default=0)
            known = [words for words in known if int(words[3]) <= synced]
        begins = max([int(words[0]) for words in self.promises.get("pruned", [])], default=0)
        known = [words for words in known if int(words[3]) > begins]
        for key, verdict, score, position in random.Random(1).sample(known, min(ASKED_AGAIN, len(known))):
            number = int(key[1:])
            sent = {**transaction(number, cards=13), "customer": self.customer(number)}
            result = connection.score([sent])[0]
            if erased and "decision" not in result:  # the person's: compared with what is left of it
                continue
            decision = result["decision"]
            found = (decision.get("duplicate"), decision["verdict"][len("VERDICT_"):].lower(),
                     str(decision.get("score", 0)), str(decision["position"]))
            if found != (True, verdict, score, position):
                raise AssertionError(f"{key} was answered {verdict} {score} at {position}, and now {found}")

    def customer(self, number):
        """As the recording made it; after an erasure began, it made no more of the person's."""
        theirs = number % 9 == 4 and number < self.spared_from
        return PERSON if theirs else f"k{number % 11}"

    def serve(self, is_synced):
        server = Server(self.folder, f"--durability={'synced' if is_synced else 'written'}")
        erased = "person" in self.promises
        try:
            server.start()
            with server.connect() as connection:
                self.check_answers(connection, is_synced, erased)
                new = connection.score([{**transaction(10**6), "customer": "k1"}])[0]["decision"]
                if new.get("duplicate"):
                    raise AssertionError("a new transaction is a duplicate")
            if server.stop() != 0:
                raise AssertionError(f"the server ended badly:\n{server.said()}")
        finally:
            server.kill()

    def check(self, is_synced):
        self.spared_from = min([int(words[2]) for words in self.promises.get("person", [])], default=10**9)
        self.serve(is_synced)
        self.harrier("archive", "verify", self.data)
        if "person" in self.promises:
            self.harrier("erase", self.data, "--finish", "--quiet")
        self.harrier("rebuild", "--data", self.data, "--progress=none", "--priority=normal")
        self.harrier("verify", self.data)
        self.harrier("replay", self.data, "--recorded", "--quiet")
        self.find()
        if os.path.isdir(os.path.join(self.data, "nights")):
            self.harrier("night", "--data", self.data, "--quiet", "--priority=normal", "--retries=0", good=(0, 2))
        if os.path.isdir(os.path.join(self.recorded, "kept")):
            self.back_up_and_restore()

    def find(self):
        """An index that a crash has left does not change what is found."""
        asked = ("find", self.data, "--entity", "customer=k1", "--limit=100000")
        with_index = self.harrier(*asked).stdout
        shutil.rmtree(os.path.join(self.data, "index"), ignore_errors=True)
        if with_index != self.harrier(*asked).stdout:
            raise AssertionError("with the index something else is found than without")

    def back_up_and_restore(self):
        """Both go on where they were."""
        kept, restored = os.path.join(self.recorded, "kept"), os.path.join(self.recorded, "restored")
        if os.path.exists(restored) and not os.path.exists(os.path.join(restored, "archive")):
            self.harrier("restore", kept, restored, "--quiet")
        self.harrier("backup", self.data, kept, "--quiet", "--priority=normal")
        self.harrier("backup", "--verify", kept)
        if not os.path.exists(restored):
            self.harrier("restore", kept, restored, "--quiet")
        self.harrier("archive", "verify", restored)


def serve_some(run, count, seed):
    """(how many were opened, how many of them are broken)"""
    chance = random.Random(seed)
    broken = 0
    for _ in range(count):
        number = chance.randrange(10**6)
        folder = tempfile.mkdtemp(dir=run.folder)
        try:
            image = Image(run, number, folder)
            image.check(run.is_synced)
        except (AssertionError, OSError, subprocess.SubprocessError, KeyError) as failure:
            broken += 1
            print(f"{run.name}: broken: {failure!r}\n  {getattr(image, 'name', number)}", flush=True)
        finally:
            shutil.rmtree(folder)
    return count, broken
