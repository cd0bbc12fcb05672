#!/usr/bin/env python3
"""Rules under four eyes: drafts, checks as one types, submitting, approving, going back; what is refused; and a console
that is killed while it puts a policy in place. The policy's folder is a git repository."""
import http.client
import json
import os
import socket
import sqlite3
import subprocess
import threading
import unittest

from console_process import Console, wait_for
from console_test import ConsoleTest
from server import WAIT, ServerTest

RULE = "rules/velocity.yaml"


class Door:
    """Passes on what the console sends to the server, until is_shut() says that it is enough."""

    def __init__(self, folder, server, is_shut):
        self.folder, self.path, self.is_shut = folder, os.path.join(folder, "door.sock"), is_shut
        self.address, self.inside = f"ipc://{self.path}", server.address.removeprefix("ipc://")
        self.held = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.inside)
            threading.Thread(target=self.pass_on, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(far, near, False), daemon=True).start()

    def pass_on(self, source, to, is_asking):
        try:
            while part := source.recv(65536):
                if is_asking and self.is_shut():
                    self.held.set()
                    continue
                to.sendall(part)
        except OSError:
            pass
        source.close()
        to.close()

    def close(self):
        self.listener.close()


class RulesTest(ConsoleTest):
    PEOPLE = (("amy", "author"), ("art", "approver"), ("ada", "admin"), ("amos", "approver"), ("vic", "viewer"),
              ("abe", "approver"))

    def setUp(self):
        ServerTest.setUp(self)  # without the rule that reviews everything
        self.harrierd = self.server().start()
        self.console = Console(self.folder, self.harrierd)
        self.addCleanup(self.console.kill)
        self.policy = os.path.join(self.folder, "policy")
        self.git("init", "-q")
        self.git("add", ".")
        self.git("-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "begin")
        self.console.flags = (f"--policy={self.policy}",)
        self.console.add_people(self.PEOPLE)
        self.console.start()
        self.amy, self.art = self.console.session("amy"), self.console.session("art")

    # ---- what the tests share ----

    def git(self, *words):
        return subprocess.run(["git", "-C", self.policy, *words], capture_output=True, text=True, check=True).stdout

    def committed(self, form, expected):
        """The last commit, and nothing else that differs; a console without libgit2 commits nothing."""
        if self.amy.get("/api/rules")[1]["git"]:
            self.assertEqual(self.git("log", "-1", f"--format={form}"), expected)
            self.assertEqual(self.git("status", "--porcelain"), "")

    def read(self, path=RULE):
        with open(os.path.join(self.policy, path), encoding="utf-8") as file:
            return file.read()

    def begin(self, session=None):
        status, answer = (session or self.amy).post("/api/rules/draft/begin")
        self.assertEqual(status, 200, answer)
        return answer["draft"]

    def revision(self, draft, session=None):
        return (session or self.amy).get("/api/rules", draft=draft)[1]["draft"]["revision"]

    def edit(self, draft, insert, path=RULE, at=0, remove=0, session=None):
        session = session or self.amy
        return session.post("/api/rules/draft/edit", draft=draft, revision=self.revision(draft, session), path=path,
                            at=at, remove=remove, insert=insert)

    def submit(self, text="# a comment\n", session=None):
        draft = self.begin(session)
        self.assertEqual(self.edit(draft, text, session=session)[0], 200)
        status, answer = (session or self.amy).post("/api/rules/submit", draft=draft, message="why it is better")
        self.assertEqual(status, 200, answer)
        return answer["submission"]

    def shown(self, submission):
        return self.amy.get("/api/rules/submission", id=submission)[1]

    def approve(self, submission, session=None, **more):
        body = {"submission": submission, "hash": self.shown(submission)["version"], "comment": "looked at it", **more}
        return (session or self.art).post("/api/rules/approve", **body)

    def in_force(self):
        return self.amy.get("/api/status")[1]["snapshot"]

    def folder_hash(self):
        return self.amy.get("/api/rules")[1]["live"]

    def audited(self):
        entries = self.console.session("ada").get("/api/audit", limit=500)[1]["entries"]
        return [entry["action"] for entry in entries][::-1]

    # ---- the whole way ----

    def test_an_author_and_an_approver(self):
        draft = self.begin()
        before = self.read()
        self.assertEqual(self.edit(draft, "nonsense: 1\n")[0], 200)
        report = self.amy.get("/api/rules/check", draft=draft)[1]
        self.assertFalse(report["sound"])
        self.assertEqual((report["diagnostics"][0]["file"], report["diagnostics"][0]["line"]), (RULE, 1))
        self.assertEqual(self.amy.post("/api/rules/submit", draft=draft, message="m")[0], 422)
        self.assertEqual(self.edit(draft, "# clearer\n", remove=len("nonsense: 1\n"))[0], 200)
        self.assertTrue(self.amy.get("/api/rules/check", draft=draft)[1]["sound"])
        self.assertEqual(self.amy.post("/api/rules/submit", draft=draft, message=" \n")[0], 422)
        self.assertEqual(self.amy.post("/api/rules/submit", draft=draft, message="m", backtest=7)[0], 404)
        status, answer = self.amy.post("/api/rules/submit", draft=draft, message="Say what it is for")
        self.assertEqual(status, 200, answer)
        submission = answer["submission"]
        shown = self.shown(submission)
        self.assertEqual((shown["state"], shown["author"], shown["backtest"]), ("open", "amy", 0))
        self.assertIn("+# clearer", shown["diff"])
        self.assertTrue(json.loads(shown["report"])["sound"])
        # A draft that goes on changes nothing of what was submitted.
        self.assertEqual(self.edit(draft, "# more\n")[0], 200)
        self.assertEqual(self.shown(submission)["version"], shown["version"])
        self.assertEqual(self.read(), before)
        status, answer = self.approve(submission)
        self.assertEqual((status, answer.get("state"), answer.get("decided_by")), (200, "approved", "art"), answer)
        self.assertEqual(self.read(), "# clearer\n" + before)
        self.assertEqual(self.in_force(), shown["version"][:16])
        self.assertEqual(self.folder_hash(), shown["version"])
        self.committed("%an/%cn/%s", "amy/art/Say what it is for\n")
        self.assertEqual(os.listdir(self.folder).count("policy"), 1)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith(("policy.", ".policy"))], [])
        # And back, in one step.
        policies = self.art.get("/api/rules/history")[1]["policies"]
        self.assertEqual([one["snapshot"] for one in policies], [shown["version"][:16], shown["base"][:16]])
        back = {"position": policies[1]["position"], "live": self.folder_hash(), "reason": "it was not clearer"}
        self.assertEqual(self.art.post("/api/rules/rollback", **{**back, "live": "0" * 64})[0], 409)
        self.assertEqual(self.art.post("/api/rules/rollback", **{**back, "reason": ""})[0], 422)
        self.assertIn("-# clearer", self.art.get("/api/rules/compare", position=back["position"])[1]["diff"])
        status, answer = self.art.post("/api/rules/rollback", **back)
        self.assertEqual((status, answer.get("state"), answer.get("kind")), (200, "approved", "rollback"), answer)
        self.assertEqual(self.read(), before)
        self.assertEqual(self.in_force(), shown["base"][:16])
        self.committed("%an/%s", "art/it was not clearer\n")
        actions = [action for action in self.audited() if action.startswith(("policy", "draft"))]
        self.assertEqual(actions, ["draft-begin", "draft-edit", "policy-submit", "policy-approve", "policy-live",
                                   "policy-submit", "policy-approve", "policy-live"])

    def test_a_rule_in_shadow(self):
        draft = self.begin()
        body = {"draft": draft, "revision": self.revision(draft), "rule": "many_payments", "mode": "shadow"}
        name = self.amy.get("/api/rules/check", draft=draft)[1]["rules"][0]["name"]
        body["rule"] = name
        status, answer = self.amy.post("/api/rules/draft/mode", **body)
        self.assertEqual(status, 200, answer)
        rules = self.amy.get("/api/rules/check", draft=draft)[1]["rules"]
        self.assertEqual({rule["name"]: rule["mode"] for rule in rules}[name], "shadow")
        body["revision"] = answer["revision"]
        self.assertEqual(self.amy.post("/api/rules/draft/mode", **{**body, "mode": "live"})[0], 200)
        rules = self.amy.get("/api/rules/check", draft=draft)[1]["rules"]
        self.assertEqual({rule["name"]: rule["mode"] for rule in rules}[name], "live")
        body["revision"] += 1
        self.assertEqual(self.amy.post("/api/rules/draft/mode", **{**body, "rule": "no_such"})[0], 404)
        self.assertEqual(self.amy.post("/api/rules/draft/mode", **{**body, "mode": "on"})[0], 422)

    # ---- who may not ----

    def test_nobody_approves_their_own(self):
        amos = self.console.session("amos")
        submission = self.submit(session=amos)
        for session in (amos, self.amy):
            status, answer = self.approve(submission, session)
            self.assertEqual(status, 403, answer)
        self.assertEqual(amos.post("/api/rules/reject", submission=submission, comment="no")[0], 403)
        self.assertEqual(self.art.post("/api/rules/withdraw", submission=submission, comment="")[0], 403)
        self.assertEqual(self.art.post("/api/rules/reject", submission=submission, comment="")[0], 422)
        self.assertEqual(self.art.post("/api/rules/reject", submission=submission, comment="too broad")[0], 200)
        self.assertEqual(self.shown(submission)["state"], "rejected")
        self.assertEqual(self.approve(submission)[0], 409)
        self.assertEqual(amos.post("/api/rules/withdraw", submission=submission, comment="")[0], 409)
        other = self.submit("# b\n", session=amos)
        self.assertEqual(amos.post("/api/rules/withdraw", submission=other, comment="")[1]["state"], "withdrawn")
        self.assertEqual(self.approve(other)[0], 409)
        self.assertNotIn("# ", self.read())

    def test_a_draft_is_its_persons(self):
        draft = self.begin()
        body = {"draft": draft, "revision": 0, "path": RULE, "at": 0, "remove": 0, "insert": "#"}
        self.assertEqual(self.art.post("/api/rules/draft/edit", **body)[0], 404)
        for path in ("/api/rules", "/api/rules/check", "/api/rules/diff", "/api/rules/file"):
            self.assertEqual(self.art.get(path, draft=draft, path=RULE)[0], 404)
        self.assertEqual(self.art.post("/api/rules/draft/discard", draft=draft)[0], 404)
        self.assertEqual(self.art.post("/api/rules/submit", draft=draft, message="m")[0], 404)
        vic = self.console.session("vic")
        self.assertEqual(vic.get("/api/rules/file", path=RULE)[1]["text"], self.read())
        self.assertEqual(vic.post("/api/rules/draft/begin")[0], 403)

    # ---- what came between ----

    def test_another_base_and_two_at_once(self):
        first, second = self.submit(), self.submit("# other\n", session=self.art)
        abe = self.console.session("abe")
        answers = []
        hashes = {it: self.shown(it)["version"] for it in (first, second)}

        def approve(submission):
            answers.append(abe.post("/api/rules/approve", submission=submission, hash=hashes[submission],
                                        comment=""))

        threads = [threading.Thread(target=approve, args=(it,)) for it in (first, second, first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(status for status, _ in answers), [200, 409, 409, 409], answers)
        left = [it for it in (first, second) if self.shown(it)["state"] == "open"]
        self.assertEqual(len(left), 1)
        status, answer = self.approve(left[0], abe)
        self.assertEqual(status, 409)
        self.assertIn("the live policy is", answer["error"])
        # The author of the one that lost takes the live policy over.
        session = self.amy if left[0] == first else self.art
        draft = session.get("/api/rules")[1]["drafts"][0]["id"]
        self.assertEqual(session.post("/api/rules/submit", draft=draft, message="m")[0], 409)
        status, answer = session.post("/api/rules/draft/rebase", draft=draft, resolve="")
        self.assertEqual(status, 409)
        self.assertIn(RULE, answer["error"])
        self.assertEqual(session.post("/api/rules/draft/rebase", draft=draft, resolve="mine")[0], 200)
        status, answer = session.post("/api/rules/submit", draft=draft, message="m")
        self.assertEqual(status, 200, answer)
        self.assertEqual(self.approve(answer["submission"], abe)[1]["state"], "approved")

    def test_only_what_was_seen_is_approved(self):
        submission = self.submit()
        self.assertEqual(self.approve(submission, hash="0" * 64)[0], 409)
        self.write_policy("rules/extra.yaml", "rules: []\n")  # by hand
        self.assertEqual(self.approve(submission)[0], 409)
        self.assertEqual(self.shown(submission)["state"], "open")
        os.remove(os.path.join(self.policy, "rules/extra.yaml"))
        self.assertEqual(self.approve(submission)[1]["state"], "approved")

    def test_what_the_server_refuses_is_put_back(self):
        """The console's check and the server's are the same, so the server is one with another folder."""
        before, log = self.read(), self.git("log", "--oneline")
        submission = self.submit()
        self.harrierd.stop()
        status, answer = self.approve(submission)
        self.assertEqual(status, 503, answer)
        self.assertIn("nothing was changed", answer["error"])
        self.assertEqual((self.read(), self.shown(submission)["state"]), (before, "open"))
        self.harrierd.start()
        self.console.stop()
        # What the console takes for the policy's folder is a copy that the server does not read.
        copy = os.path.join(self.folder, "copy")
        subprocess.run(["cp", "-r", self.policy, copy], check=True)
        self.console.flags = (f"--policy={copy}",)
        self.console.start()
        status, answer = self.approve(submission)
        self.assertEqual((status, answer.get("state")), (200, "failed"), answer)
        self.assertIn("another policy", answer["result"])
        with open(os.path.join(copy, RULE), encoding="utf-8") as file:
            self.assertEqual(file.read(), before)
        self.assertEqual(self.git("log", "--oneline"), log)
        self.assertEqual([it for it in self.audited() if it.startswith("policy")][-1], "policy-failed")

    # ---- hostile ----

    def test_hostile_names_and_texts(self):
        draft = self.begin()
        for path in ("../policy.yaml", "/etc/passwd", ".git/hooks/post-commit", "rules/../../x.yaml", "rules/.x.yaml", "",
                     "rules//x.yaml", "rules/x\0.yaml", "rules/\u202ex.yaml", "x" * 201, "rules/x.yml", "README.md",
                     "rules/" + "a/" * 9 + "x.yaml"):
            with self.subTest(path=path[:40]):
                self.assertIn(self.edit(draft, "x", path=path)[0], (400, 413, 422))
        os.symlink("/etc/passwd", os.path.join(self.policy, "rules", "link.txt"))
        self.assertEqual(self.edit(draft, "x", path="rules/link.txt")[0], 422)
        for change in ({"at": 10**9}, {"remove": 10**9}, {"at": -1}, {"at": 2**64}, {"revision": 99}, {"insert": 1},
                       {"insert": "\x1b[2J"}, {"insert": "\0"}, {"draft": 999}, {"path": 1}):
            body = {"draft": draft, "revision": self.revision(draft), "path": RULE, "at": 0, "remove": 0, "insert": "#"}
            with self.subTest(change=change):
                self.assertIn(self.amy.post("/api/rules/draft/edit", **{**body, **change})[0], (400, 404, 409, 422))
        # A megabyte comes in parts, and not a byte more.
        part = "# " + "x" * 32765 + "\n"
        for i in range(32):
            self.assertEqual(self.edit(draft, part, path="lists/large.txt", at=i * 32768)[0], 200)
        self.assertEqual(self.edit(draft, "#", path="lists/large.txt")[0], 413)
        self.assertEqual(len(self.amy.get("/api/rules/file", draft=draft, path="lists/large.txt")[1]["text"]), 1 << 20)
        status, answer = self.amy.post("/api/rules/submit", draft=draft, message="m")
        self.assertEqual(status, 422)  # nothing names this file
        self.assertIn("lists.yaml", answer["error"])
        for text in ("[" * 30000, "a: &a [*a,*a]\n" * 1000, "{a: " * 10000, "? " * 20000, "- " * 30000, "%TAG ! x\n---\n",
                     "rules:\n" + "  - name: a\n" * 2000):
            fresh = self.begin(self.art)
            with self.subTest(text=text[:10]):
                self.assertEqual(self.edit(fresh, text, path="rules/deep.yaml", session=self.art)[0], 200)
                status, report = self.art.get("/api/rules/check", draft=fresh)
                self.assertEqual((status, report["sound"]), (200, False), report)
                self.assertTrue(any(one["file"] == "rules/deep.yaml" for one in report["diagnostics"]))
            self.assertEqual(self.art.post("/api/rules/draft/discard", draft=fresh)[0], 200)
        self.assertEqual(os.listdir(os.path.join(self.console.data, "work")), [])

    # ---- a console that is killed ----

    def restart(self):
        self.console.kill()
        self.console.start()
        self.amy, self.art = self.console.session("amy"), self.console.session("art")

    def settled(self, submission):
        return wait_for(lambda: (lambda it: None if it["under_way"] else it)(self.shown(submission)))

    def kill_while_the_server_reloads(self, submission):
        """Between the console and the server is a door, through which nothing goes once the new files are in place."""
        version = self.shown(submission)["version"]
        self.console.stop()
        self.console.server = Door(self.folder, self.harrierd, lambda: "# a comment" in self.read())
        self.addCleanup(self.console.server.close)
        self.console.start()
        self.amy, self.art = self.console.session("amy"), self.console.session("art")
        waits = threading.Thread(target=self.swallow, args=(self.art, submission, version))
        waits.start()
        self.assertTrue(self.console.server.held.wait(WAIT))
        self.console.kill()
        waits.join()
        self.console.server = self.harrierd
        self.assertEqual(self.read().splitlines()[0], "# a comment")
        return version

    @staticmethod
    def swallow(session, submission, version):
        try:
            session.post("/api/rules/approve", submission=submission, hash=version, comment="c")
        except (OSError, http.client.HTTPException):
            pass

    def test_a_console_killed_between_write_and_reload_finishes(self):
        submission = self.submit()
        version = self.kill_while_the_server_reloads(submission)
        self.restart()
        done = self.settled(submission)
        self.assertEqual((done["state"], done["decided_by"]), ("approved", "art"), done)
        self.assertEqual(self.in_force(), version[:16])
        self.committed("%an/%cn", "amy/art\n")
        self.assertIn("going on with it", self.console.said())

    def test_a_console_killed_and_a_folder_changed_by_hand(self):
        submission = self.submit()
        self.kill_while_the_server_reloads(submission)
        self.write_policy("rules/extra.yaml", "rules: []\n")
        self.restart()
        done = self.settled(submission)
        self.assertEqual(done["state"], "failed", done)
        self.assertIn("somebody else", done["result"])
        self.assertIn("# a comment", self.read())  # what is there is theirs

    def leave_behind(self, submission, step):
        """As a console leaves it that is killed at this step with the old files in place."""
        self.console.kill()
        with sqlite3.connect(os.path.join(self.console.data, "console.sqlite")) as database:
            database.execute("INSERT INTO policy_change VALUES (1, ?, 'art', '127.0.0.1', 'c', ?)", (submission, step))
        database.close()
        self.restart()
        return self.settled(submission)

    def test_a_console_killed_before_the_files_are_in_place(self):
        before, submission = self.read(), self.submit()
        self.assertEqual(self.leave_behind(submission, "write")["state"], "open")
        self.assertEqual(self.read(), before)
        self.assertEqual(self.leave_behind(submission, "back")["state"], "failed")
        self.assertEqual(self.read(), before)


if __name__ == "__main__":
    unittest.main()
