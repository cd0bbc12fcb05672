#!/usr/bin/env python3
"""What becomes of harrier-console when its database is lost: a backup beside a running console, what cannot be
restored, and databases that are damaged, deleted or full while people work."""
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import unittest

from console_process import Session, wait_for
from console_test import ConsoleTest
from small_disk import SmallDisk, enter_namespace, is_possible

WAYS_OUT = ("restore FILE", "move console.sqlite away")


class BackupTest(ConsoleTest):
    def setUp(self):
        super().setUp()
        self.database = os.path.join(self.console.data, "console.sqlite")
        self.kept = os.path.join(self.folder, "kept")

    def backup(self, path=None):
        return self.console.run("backup", path or self.kept)

    def restore(self, *flags, path=None):
        return self.console.run(*flags, "restore", path or self.kept)

    def decide(self, session, row, label="fraud", note=""):
        return session.post("/api/reviews/decide", positions=[row["position"]], label=label, note=note)

    def queue(self, session, count):
        return wait_for(lambda: len(self.reviews(session, order="age")) == count and self.reviews(session, order="age"))

    def refused_start(self):
        done = self.console.run(f"--server={self.harrierd.address}", self.console.archive)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("console.sqlite", done.stderr)
        return done.stderr

    def assert_ways_out(self, text):
        for way in WAYS_OUT:
            self.assertIn(way, text)

    # ---- backup and restore ----

    def test_backup_and_restore(self):
        self.score(range(1, 7))
        self.console.start()
        anna = self.console.session("anna")
        rows = self.queue(anna, 6)
        self.assertEqual(self.decide(anna, rows[0], note="the first")[0], 200)
        self.assertEqual(self.decide(anna, rows[1], "unsure", "ask")[0], 200)
        wait_for(lambda: anna.get("/api/live")[1]["unreported"] == 0)
        with open(self.kept, "w", encoding="utf-8") as file:
            file.write("an old backup")
        done = self.backup()  # beside the running console
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(stat.S_IMODE(os.stat(self.kept).st_mode), 0o600)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("kept")], ["kept"])
        with sqlite3.connect(f"file:{self.kept}?mode=ro", uri=True) as other:  # a second reader of the format
            self.assertEqual(other.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            self.assertEqual(other.execute("SELECT note FROM reviews WHERE label != '' ORDER BY position").fetchall(),
                             [("the first",), ("ask",)])
        # What is decided after the backup comes back from the archive; its note does not.
        self.assertEqual(self.decide(anna, rows[2], "legit", "after")[0], 200)
        self.assertEqual(self.label_of(rows[2]), [("legit", "console:anna")])
        done = self.restore()
        self.assertEqual((done.returncode, "a console runs" in done.stderr), (75, True), done.stderr)
        self.assertEqual(self.console.stop(), 0)
        done = self.restore()
        self.assertEqual((done.returncode, "--force" in done.stderr), (75, True), done.stderr)
        done = self.restore("--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        aside = done.stdout.split(" is now ")[1].strip()
        self.assertTrue(os.path.exists(aside), done.stdout)
        self.assertEqual(stat.S_IMODE(os.stat(self.database).st_mode), 0o600)
        self.console.start()
        self.assertEqual(anna.get("/api/live")[0], 401)  # nobody is signed in with it
        anna = self.console.session("anna")
        decided = wait_for(lambda: len(self.reviews(anna, decided=1)) == 3 and self.reviews(anna, decided=1))
        self.assertEqual({(row["id"], row["label"], row["note"], row["decided_by"]) for row in decided},
                         {("t1", "fraud", "the first", "anna"), ("t2", "unsure", "ask", "anna"),
                          ("t3", "legit", "", "console:anna")})
        self.assertEqual(len(self.reviews(anna)), 3)
        entry = self.console.session("ada").get("/api/audit", action="restore")[1]["entries"][0]
        self.assertEqual((entry["address"], entry["subject"]), ("the command line", self.kept))
        self.assertEqual([self.label_of(row) for row in rows[:1]], [[("fraud", "console:anna")]])

    def decided_in_a_backup(self):
        """Of a new backup, which is whole."""
        self.assertEqual(self.backup().returncode, 0)
        with sqlite3.connect(f"file:{self.kept}?mode=ro", uri=True) as other:
            self.assertEqual(other.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            decided, = other.execute("SELECT count(*) FROM reviews WHERE label != ''").fetchone()
            entries, = other.execute("SELECT count(*) FROM audit WHERE action = 'review'").fetchone()
        self.assertEqual(decided, entries)
        return decided

    def test_a_backup_while_people_decide(self):
        """Each backup is of one moment: a decided review has its entry in the audit log, and none is there without."""
        self.score(range(1, 61))
        self.console.start()
        anna = self.console.session("anna")
        rows = self.queue(anna, 50)  # one page
        failed = []

        def decide_all():
            for row in rows:
                if self.decide(anna, row)[0] != 200:
                    failed.append(row)

        thread = threading.Thread(target=decide_all)
        thread.start()
        backups = 0
        while thread.is_alive() or backups < 2:
            self.decided_in_a_backup()
            backups += 1
        thread.join()
        self.assertEqual(failed, [])
        self.assertEqual(self.decided_in_a_backup(), 50)  # the last one above may have begun before the last decision

    def test_what_cannot_be_restored(self):
        """And what was there stays as it is."""
        self.assertEqual(self.backup().returncode, 0)
        with open(self.kept, "rb") as file:
            whole = file.read()
        os.rename(self.database, self.database + ".away")

        def refused(path, *words):
            done = self.restore(path=path)
            with self.subTest(words=words):
                self.assertNotEqual(done.returncode, 0)
                for word in words:
                    self.assertIn(word, done.stderr)
                self.assertFalse([name for name in os.listdir(self.console.data) if name.startswith("console.sqlite") and
                                  not name.endswith(".away")])

        bad = os.path.join(self.folder, "bad")
        for content, word in ((b"", "empty"), (b"nonsense " * 500, "not a database"), (whole[:9000], "damaged"),
                              (whole[:4096] + b"\0" * 4096 + whole[8192:], "damaged"),
                              (whole[:5000] + b"\xff" * 3000 + whole[8000:], "damaged")):
            with open(bad, "wb") as file:
                file.write(content)
            refused(bad, word)
        refused(os.path.join(self.folder, "none"), "none")
        os.unlink(bad)
        with sqlite3.connect(bad) as other:
            other.execute("CREATE TABLE t (x)")
        refused(bad, "another program")
        with open(bad, "wb") as file:
            file.write(whole)
        with sqlite3.connect(bad) as other:
            other.execute("PRAGMA user_version = 9999")
        refused(bad, "newer version")
        with open(bad, "wb") as file:
            file.write(whole)
        with open(bad + "-wal", "wb") as file:
            file.write(b"x")
        refused(bad, "not a backup")
        self.assertEqual(self.restore().returncode, 0)
        self.console.start()
        self.assertEqual(self.console.session("anna").get("/api/live")[0], 200)

    def test_a_backup_that_cannot_be_made(self):
        """The one from before stays."""
        self.assertEqual(self.backup().returncode, 0)
        with open(self.kept, "rb") as file:
            before = file.read()
        with open(self.database, "r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 4096)
        done = self.backup()
        self.assertEqual((done.returncode, "damaged" in done.stderr), (65, True), done.stderr)
        with open(self.kept, "rb") as file:
            self.assertEqual(file.read(), before)
        os.unlink(self.database)
        done = self.backup()
        self.assertEqual((done.returncode, "has no console.sqlite" in done.stderr), (66, True), done.stderr)
        self.assertFalse(os.path.exists(self.database))
        done = self.backup(os.path.join(self.folder, "no", "such"))
        self.assertNotEqual(done.returncode, 0)
        for words in (("backup",), ("restore",), ("backup", "a", "b"), ("--force", "backup", "a")):
            self.assertEqual(self.console.run(*words).returncode, 64)

    def test_one_console_on_a_folder(self):
        self.console.start()
        done = self.console.run("--listen=127.0.0.1:0", f"--server={self.harrierd.address}", self.console.archive)
        self.assertEqual((done.returncode, "a console runs" in done.stderr), (75, True), done.stderr)

    # ---- lost ----

    def test_damaged_at_the_start(self):
        self.console.start()
        self.assertEqual(self.console.stop(), 0)
        with open(self.database, "rb") as file:
            whole = file.read()
        page = len(whole) // 4096 // 2 * 4096
        for damage in (b"", whole[:100], whole[:4096], whole[:len(whole) // 2], b"\0" * len(whole),
                       whole[:page] + b"\xa5" * 4096 + whole[page + 4096:], whole[:4096] + b"\0" * 4096 + whole[8192:]):
            with open(self.database, "wb") as file:
                file.write(damage)
            with self.subTest(bytes=len(damage)):
                self.assert_ways_out(self.refused_start())
                with open(self.database, "rb") as file:  # it repairs nothing behind one's back
                    self.assertEqual(len(file.read()), len(damage))
        # The second way out: without it the queue comes back, and nobody can sign in.
        os.rename(self.database, self.database + ".damaged")
        self.score(range(1, 4))
        self.console.start()
        self.assertIn("has no database yet", self.console.said())
        wait_for(lambda: "nobody can sign in yet" in self.console.said())
        self.console.add_person("anna", "analyst")
        self.assertEqual(len(self.queue(self.console.session("anna"), 3)), 3)

    def test_deleted_while_it_runs(self):
        """Nothing is accepted that would be lost, and both ways out lead back."""
        self.score(range(1, 4))
        self.console.start()
        anna = self.console.session("anna")
        rows = self.queue(anna, 3)
        self.assertEqual(self.decide(anna, rows[0])[0], 200)
        self.assertEqual(self.backup().returncode, 0)
        os.unlink(self.database)
        status, answer = self.decide(anna, rows[1])
        self.assertEqual((status, "deleted or moved away" in answer["error"]), (500, True), answer)
        self.assert_ways_out(answer["error"])
        wait_for(lambda: "deleted or moved away" in self.console.said())
        self.assertEqual(self.console.session().sign_in("anna", self.console.passwords["anna"]), 500)
        self.assertEqual(self.console.stop(), 0)
        self.assertEqual(self.restore().returncode, 0)
        self.console.start()
        anna = self.console.session("anna")
        self.assertEqual([row["id"] for row in self.queue(anna, 2)], ["t2", "t3"])
        self.assertEqual(self.decide(anna, rows[1])[0], 200)

    def test_a_page_overwritten_while_it_runs(self):
        self.score(range(1, 4))
        self.console.start()
        anna = self.console.session("anna")
        self.queue(anna, 3)
        self.assertEqual(self.console.stop(), 0)  # all is in the file, nothing in the log
        self.console.start()
        anna = self.console.session("anna")
        subprocess.run([sys.executable, "-c", f"import sqlite3; sqlite3.connect({self.database!r}).execute("
                        "'PRAGMA wal_checkpoint(TRUNCATE)')"], check=True)
        with open(self.database, "r+b") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(4096)
            file.write(b"\xa5" * (size - 4096))
        def failed():
            """SQLite notices when it reads a page again."""
            status, answer = Session(self.console.port).ask("POST", "/api/sign-in", {"name": "bob", "password": "x" * 12})[:2]
            return status == 500 and answer["error"]
        self.assert_ways_out(wait_for(failed))
        self.assertIn("damaged", failed())

    # ---- no room ----

    @unittest.skipUnless(is_possible(), "no mount namespace")
    def test_no_room_while_deciding(self):
        self.score(range(1, 31))
        disk = SmallDisk(os.path.join(self.folder, "small"), "4M")
        self.addCleanup(disk.unmount)
        shutil.copy(self.database, disk.folder)
        self.console.data = disk.folder
        self.database = os.path.join(disk.folder, "console.sqlite")
        self.console.start()
        anna = self.console.session("anna")
        rows = self.queue(anna, 30)
        disk.fill()
        kept = refused = 0
        for row in rows:
            status, answer = self.decide(anna, row, note="n" * 2000)
            kept += status == 200
            if status != 200:
                refused += 1
                self.assertEqual((status, "disk" in answer["error"]), (500, True), answer)
        self.assertGreater(refused, 0)
        self.assertEqual(anna.get("/api/reviews")[0], 200)  # people can still look
        self.assertEqual(len(self.reviews(anna)), 30 - kept)
        done = self.backup(os.path.join(disk.folder, "kept"))
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual([name for name in os.listdir(disk.folder) if name.startswith("kept")], [])
        self.assertEqual(self.backup().returncode, 0)  # to another disk
        disk.make_room()
        for row in self.reviews(anna):
            self.assertEqual(self.decide(anna, row)[0], 200)
        wait_for(lambda: anna.get("/api/live")[1]["unreported"] == 0)
        entries = self.console.session("ada").get("/api/audit", action="review")[1]["entries"]
        self.assertEqual(len(entries), 30)

    @unittest.skipUnless(is_possible(), "no mount namespace")
    def test_a_folder_that_cannot_be_written(self):
        disk = SmallDisk(os.path.join(self.folder, "small"), "4M")
        self.addCleanup(disk.unmount)
        shutil.copy(self.database, disk.folder)
        subprocess.run(["mount", "-o", "remount,ro", disk.folder], check=True)
        self.console.data = disk.folder
        done = self.console.run(f"--server={self.harrierd.address}", self.console.archive)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("cannot write to the console's folder", done.stderr)
        self.assertIn("Read-only", done.stderr)


if __name__ == "__main__":
    enter_namespace()
    unittest.main()
