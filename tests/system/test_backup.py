#!/usr/bin/env python3
"""harrier backup and harrier restore: points beside a loaded server, restored to their end, to positions and times, with
equal states; manifests read again without Harrier; damage, wrong folders, a full disk; kills at random moments.

HARRIER_KILLS=100 kills more often; HARRIER_SEED repeats the moments.
"""
import fcntl
import glob
import json
import os
import random
import shutil
import struct
import subprocess
import threading
import time
import unittest

import small_disk
from backups import DAYS, HARRIER, BackupTest, files_below, sha256_of
from segments import all_records, xxh3
from server import WAIT, transaction

KILLS = int(os.environ.get("HARRIER_KILLS", 6 // int(os.environ.get("HARRIER_STEPS_PART", "1"))))
SEED = int(os.environ.get("HARRIER_SEED", str(random.randrange(10**6))))


class LoadTest(BackupTest):
    """Beside a server."""

    def check_manifests(self):
        """Without Harrier: every file is there, with its hash; nothing else is; records have no gap."""
        needed = set()
        for point in self.points():
            after = 0
            for file in point["files"]:
                name = f"files/{file['path']}.{file['sha256']}"
                needed.add(name)
                path = os.path.join(self.kept, name)
                self.assertEqual((os.path.getsize(path), sha256_of(path)), (file["bytes"], file["sha256"]))
                self.assertEqual(os.stat(path).st_nlink, 1)
                if "first" in file:
                    self.assertEqual(file["first"], after + 1)
                    after = file["last"]
            self.assertEqual(after, point["position"])
        self.assertEqual(set(files_below(self.kept)) - {"lock", "backup.json"},
                         needed | {f"points/{point['number']:010}.json" for point in self.points()})

    def load(self, server, numbers, stop):
        with server.connect() as connection:
            for number in numbers:
                if stop.is_set():
                    return
                self.assertIn("decision", connection.score([transaction(number, cards=97)])[0])
                if number % 50 == 0:
                    connection.report(f"t{number}", "fraud")

    def test_points(self):
        self.import_history()
        server = self.server("--lazy_sync_interval=5ms").start()
        known = [self.quiet(server)]
        status = ["status", "--to", server.address, "--deadline", "60s"]
        self.assertIn("last backup   none known\n", self.harrier(*status).stdout)
        first = self.back_up()
        self.assertRegex(self.harrier(*status).stdout, f"(?m)^last backup   .* ago, up to position {first['position']:,}$")
        self.assertEqual(json.loads(self.harrier(*status, "--json").stdout)["backup_position"], first["position"])
        self.assertEqual((first["point"], first["position"], first["tables"]), (1, known[0][0], "none"))

        # Under load: each point ends somewhere, and its tables are not newer.
        stop = threading.Event()
        sender = threading.Thread(target=self.load, args=(server, range(10**5, 10**6), stop))
        sender.start()
        self.addCleanup(sender.join)
        self.addCleanup(stop.set)
        seen = server.status()["position"]
        self.await_status(server, "loaded", lambda status: status["position"] > seen + 100)
        second = self.back_up()
        self.assertLess(second["copied_bytes"], second["bytes"] - first["bytes"] // 2)  # closed segments were there
        before = server.status()
        self.rebuild("--no-seal")
        self.await_adopted(server, before)
        third = self.back_up()
        self.assertEqual(third["tables"], "copied")
        self.harrier("archive", "seal", self.data)
        fourth = self.back_up()
        stop.set()
        sender.join()
        known.append(self.quiet(server))
        self.fill(server, 2 * 10**6, 100)
        known.append(self.quiet(server))
        fifth = self.back_up("--no-tables")
        self.assertEqual(fifth["position"], known[2][0])
        self.assertLess(second["position"], third["position"])
        self.assertEqual(self.points()[3]["tables"]["position"], self.points()[2]["tables"]["position"])
        self.assertEqual(server.metric("harrierd_backup_position"), fifth["position"])
        self.assertLess(abs(server.metric("harrierd_backup_last_success_timestamp_seconds") - time.time()), WAIT)
        self.verify_backup()
        self.check_manifests()

        # A fold of each place, by a server that decides nothing.
        for position, expected in known:
            root, report = self.restore(f"--to-position={position}")
            self.assertEqual(report["position"], position)
            self.assertEqual("tables_position" in report, position >= third["position"])
            self.check_states(root, position, expected)
        _, report = self.restore("--to", "end")
        self.assertEqual((report["position"], report["cut"]), (known[2][0], False))
        root, _ = self.restore("--no-tables")
        self.assertFalse(os.path.exists(os.path.join(root, "data", "generations")))
        self.check_states(root, *known[2])
        for point in (second, third, fourth):
            root, report = self.restore(f"--to-position={point['position']}")
            self.check_archive(root, point["position"])
            self.assertEqual(report.get("chain"), point["chain"])
        self.assertEqual(server.stop(), 0)
        self.check_records(fifth["position"])

    def check_records(self, end):
        """Any place, decoded by Python: the records of the source up to there."""
        source = list(all_records(os.path.join(self.data, "archive")))
        for position in random.Random(SEED).sample(range(1, end), 4):
            root, report = self.restore(f"--to-position={position}")
            copied = list(all_records(os.path.join(root, "data", "archive")))
            self.assertEqual(copied, source[:position], f"HARRIER_SEED={SEED}")
            self.assertEqual(report["position"], position)
            self.check_archive(root, position)

    def test_times(self):
        self.import_history()
        self.back_up()
        (point,) = self.points()
        last_of_day = {file["day"]: file["last"] for file in point["files"] if "first" in file}
        for day, last in sorted(last_of_day.items())[:DAYS - 1]:
            evening = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((day + 1) * 86400 - 1))
            root, report = self.restore(f"--to-time={evening}")
            self.assertEqual(report["position"], last)
            self.check_archive(root, last)
            # The first transaction of a day comes with its first moment.
            midnight = time.strftime("%Y-%m-%d", time.gmtime((day + 1) * 86400))
            root, report = self.restore(f"--to-time={midnight}")
            self.assertEqual((report["position"], report["cut"]), (last + 1, True))
            self.check_archive(root, last + 1)
        self.refuses(66, "begins with record 1, received 2026-01-01T00:00:00", "restore", self.kept,
                     os.path.join(self.folder, "never"), "--to-time=2025-12-31")
        self.refuses(66, "is not in it; --to end", "restore", self.kept, os.path.join(self.folder, "never"),
                     "--to-time=2200-01-01")
        self.refuses(66, "it has no record 99999", "restore", self.kept, os.path.join(self.folder, "never"),
                     "--to-position=99999")
        self.assertFalse(os.path.exists(os.path.join(self.folder, "never")))

    def test_points_kept(self):
        """--keep and --keep-tables; what is left can still be restored."""
        self.import_history()
        self.rebuild()
        for number in range(4):
            report = self.back_up("--keep=2")
        self.assertEqual((report["points"], report["points_expired"], report["copied_files"]), (2, 1, 0))
        self.assertEqual([point["number"] for point in self.points()], [3, 4])
        self.assertIn("tables", self.points()[0])
        self.back_up("--keep-tables=1")
        self.assertEqual(["tables" in point for point in self.points()], [False, False, True])
        self.check_manifests()
        self.verify_backup()
        _, report = self.restore()
        self.assertEqual(report["point"], 5)


class RefusalTest(BackupTest):
    def test_folders(self):
        self.import_history()
        inside = os.path.join(self.data, "kept")
        self.refuses(64, "it is inside the data folder", "backup", self.data, inside)
        self.refuses(64, "it is the data folder itself", "backup", self.data, os.path.join(self.data, "."))
        self.refuses(64, "is inside it", "backup", self.data, self.folder)
        self.refuses(66, "there is no archive in it", "backup", os.path.join(self.data, "archive"), self.kept)
        self.refuses(66, "there is no such data folder", "backup", os.path.join(self.folder, "none"), self.kept)
        self.refuses(65, "it has other files and no backup", "backup", self.data, os.path.join(self.folder, "policy"))
        self.refuses(66, "there is no backup in it", "backup", "--verify", os.path.join(self.folder, "policy"))
        self.assertFalse(os.path.exists(self.kept))
        self.back_up()
        self.refuses(65, "expected an empty folder", "restore", self.kept, os.path.join(self.folder, "policy"))
        self.refuses(65, "inside it or around it", "restore", self.kept, os.path.join(self.kept, "in"))
        with open(os.path.join(self.kept, "backup.json"), "w", encoding="utf-8") as file:
            file.write('{"kind": "harrier backup", "format": 7}')
        self.refuses(65, "a backup of format 7; this version of harrier reads format 1", "backup", self.data, self.kept)

    def test_other_archives(self):
        self.import_history()
        self.back_up()
        other = os.path.join(self.folder, "longer")
        self.import_history(other, cards=5)
        self.refuses(65, "it is the backup of another archive", "backup", other, self.kept)
        # One that was restored to an earlier time, and went on.
        root, _ = self.restore("--to-position=500")
        data = os.path.join(root, "data")
        self.refuses(65, "ends with record 500", "backup", data, self.kept)
        server = self.server_in(root).start()
        self.fill(server, 10**6, 1000)
        self.assertEqual(server.stop(), 0)
        self.refuses(65, "it is the backup of another archive", "backup", data, self.kept)
        self.verify_backup()
        self.assertEqual(len(self.points()), 1)
        again = os.path.join(self.folder, "again")
        self.back_up(data=data, to=again)

    def test_damage(self):
        self.import_history()
        self.harrier("archive", "seal", self.data)
        self.back_up()
        pick = random.Random(SEED)
        for file in pick.sample(self.points()[0]["files"], 2):
            path = os.path.join(self.kept, f"files/{file['path']}.{file['sha256']}")
            at = pick.randrange(file["bytes"])
            with open(path, "r+b") as stored:
                stored.seek(at)
                (byte,) = stored.read(1)
                stored.seek(at)
                stored.write(bytes([byte ^ 1 << pick.randrange(8)]))
            said = self.harrier("backup", "--verify", self.kept, status=65).stdout
            self.assertIn(f"damaged: {path}: its SHA-256 is", said)
            root, said = self.restore(status=65)
            self.assertIn(f"{path}: it is damaged", said)
            self.assertEqual(os.listdir(os.path.join(root, "data")), [".restore"])
            with open(path, "r+b") as stored:
                stored.seek(at)
                stored.write(bytes([byte]))
            self.verify_backup()
            # Mended: it goes on.
            _, report = self.restore(to=root)
            self.assertTrue(report["resumed"])
            os.remove(path)
            self.assertIn(f"{path}: cannot open", self.harrier("backup", "--verify", self.kept, status=65).stdout)
            # Removed, it is copied again, for all points.
            self.back_up()
            self.assertEqual(sha256_of(path), file["sha256"])
            self.verify_backup()
        path = sorted(glob.glob(os.path.join(self.kept, "points", "*")))[0]
        with open(path, "r+b") as manifest:
            text = manifest.read().replace(b'"position":', b'"Position":', 1)
            manifest.seek(0)
            manifest.write(text)
        self.refuses(65, "0000000001.json: its checksum does not match", "backup", "--verify", self.kept)
        self.refuses(65, "0000000001.json: its checksum does not match", "backup", self.data, self.kept)
        os.remove(path)
        self.back_up()
        self.verify_backup()

    def test_damaged_source(self):
        """It does not get into a backup, and the points before it stay."""
        self.import_history()
        self.back_up()
        self.harrier("archive", "seal", self.data)
        segment = sorted(glob.glob(os.path.join(self.data, "archive", "*", "*.seg.zst")))[1]
        with open(segment, "r+b") as file:
            file.seek(1000)
            file.write(b"\0\xff\0")
        self.refuses(65, os.path.relpath(segment, self.data), "backup", self.data, self.kept)
        self.assertEqual(self.verify_backup()["points"], 1)

    def test_configuration(self):
        """Secrets are left out, unless they are asked for."""
        self.import_history()
        etc = os.path.join(self.folder, "etc")
        os.makedirs(os.path.join(etc, "policy"))
        for name, mode in (("harrierd.conf", 0o644), ("tokens", 0o600), ("policy/policy.yaml", 0o644)):
            with open(os.path.join(etc, name), "w", encoding="utf-8") as file:
                file.write(name)
            os.chmod(os.path.join(etc, name), mode)
        done = self.harrier("backup", self.data, self.kept, "--json", "--config", etc)
        self.assertIn("tokens: left out", done.stderr)
        self.assertEqual(json.loads(done.stdout)["secrets_left_out"], 1)
        root, report = self.restore()
        self.assertEqual(files_below(os.path.join(root, "data", "config")), ["harrierd.conf", "policy/policy.yaml"])
        self.assertEqual(report["config_files"], 2)
        self.refuses(65, "which --config names", "backup", self.data, os.path.join(etc, "kept"), "--config", etc)
        self.back_up("--config", etc, "--with-secrets")
        root, _ = self.restore()
        restored = os.path.join(root, "data", "config", "tokens")
        self.assertEqual((sha256_of(restored), os.stat(restored).st_mode & 0o777),
                         (sha256_of(os.path.join(etc, "tokens")), 0o600))
        (stored,) = glob.glob(os.path.join(self.kept, "files", "config", "tokens.*"))
        self.assertEqual(os.stat(stored).st_mode & 0o777, 0o600)

    def test_other_files_of_the_archive(self):
        """What a later version puts beside the segments is copied, what is this machine's is not."""
        self.import_history()
        archive = os.path.join(self.data, "archive")
        os.makedirs(os.path.join(archive, "erasures"))
        os.makedirs(os.path.join(archive, "cut", "00000000000000000009-1"))
        for name in ("later", "erasures/1.json", "spare", "committed.new", "epoch.new-123", "cut/00000000000000000009-1/x"):
            with open(os.path.join(archive, name), "w", encoding="utf-8") as file:
                file.write(name)
        self.back_up()
        beside = {file["path"] for file in self.points()[0]["files"] if "first" not in file}
        self.assertEqual(beside, {"archive/later", "archive/erasures/1.json"})

    def test_in_a_cluster(self):
        """What is not known to be committed may still be cut off the archive: it is not backed up."""
        self.import_history()
        self.back_up()
        _, report = self.restore("--to-position=700")
        copy = struct.pack("<QQQq24x", 2, 700, int(report["chain"], 16), -1)
        with open(os.path.join(self.data, "archive", "committed"), "wb") as file:
            file.write(copy + struct.pack("<Q", xxh3(copy)) + bytes(64))
        self.kept = os.path.join(self.folder, "of-a-node")
        self.assertEqual(self.back_up()["position"], 700)
        root, _ = self.restore()
        self.check_archive(root, 700)
        self.assertNotIn("committed", os.listdir(os.path.join(root, "data", "archive")))

    def test_lost_tables(self):
        """They can be built again: no reason for no backup."""
        self.import_history()
        self.rebuild()
        shutil.rmtree(os.path.realpath(self.current()))
        done = self.harrier("backup", self.data, self.kept, "--json")
        self.assertEqual(json.loads(done.stdout)["tables"], "unusable")
        self.assertIn("the tables are left out", done.stderr)
        root, report = self.restore()
        self.check_archive(root, report["position"])


class KillTest(BackupTest):
    def killed(self, pick, longest, *arguments):
        """Runs the command and kills it at some moment. False: it had ended."""
        process = subprocess.Popen([HARRIER, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            process.wait(timeout=pick.uniform(0, longest))
        except subprocess.TimeoutExpired:
            process.kill()
        said = process.communicate()[1]
        self.assertIn(process.returncode, (0, -9), f"HARRIER_SEED={SEED}: {said}")
        return process.returncode != 0

    def timed(self, *arguments):
        began = time.monotonic()
        self.harrier(*arguments)
        return time.monotonic() - began

    def test_backups(self):
        """Each kill leaves the whole points of before, or one more."""
        print(f"HARRIER_SEED={SEED} HARRIER_KILLS={KILLS}")
        pick = random.Random(SEED)
        self.import_history()
        backup = ["backup", self.data, self.kept, "--progress=none", "--keep=3"]
        scratch = os.path.join(self.folder, "scratch")
        longest = 1.2 * self.timed("backup", self.data, scratch, "--progress=none")
        server = self.server("--lazy_sync_interval=5ms").start()
        kills = 0
        number = 0
        while kills < KILLS:
            kills += self.killed(pick, longest, *backup, "--priority=normal")
            if os.path.exists(os.path.join(self.kept, "points")) and self.points():
                self.verify_backup()
                number = max(number, self.points()[-1]["number"])
                self.assertEqual(self.points()[-1]["number"], number)
            if kills % 5 == 0:  # all anew, tables, sealed segments
                self.fill(server, 10**6 + kills * 100, 20)
                if pick.random() < 0.5:
                    self.rebuild(*([] if pick.random() < 0.5 else ["--no-seal"]))
            if pick.random() < 0.2:
                shutil.rmtree(self.kept, ignore_errors=True)
                number = 0
        position, expected = self.quiet(server)
        self.assertEqual(server.stop(), 0)
        self.harrier(*backup)
        needed = {f"files/{file['path']}.{file['sha256']}" for point in self.points() for file in point["files"]}
        self.assertEqual({name for name in files_below(self.kept) if name.startswith("files/")}, needed)
        self.assertFalse([name for name in files_below(self.kept) if name.endswith(".new")])
        root, _ = self.restore()
        self.check_states(root, self.points()[-1]["position"], expected)

    def test_restores(self):
        """Each kill leaves a folder without an archive, in which the same command goes on, or a restored one."""
        pick = random.Random(SEED)
        self.import_history()
        self.rebuild()
        self.back_up()
        options = [[], ["--to-position=700"], ["--to-time=2026-01-03T00:01:00Z"]]
        whole = []
        for more in options:
            root, report = self.restore(*more)
            whole.append((root, report))
        longest = 1.2 * self.timed("restore", self.kept, os.path.join(self.folder, "timed"))
        target = os.path.join(self.folder, "target", "data")
        kills = 0
        while kills < KILLS:
            which = pick.randrange(len(options))
            command = ["restore", self.kept, target, "--progress=none", *options[which]]
            os.makedirs(os.path.dirname(target), exist_ok=True)
            while self.killed(pick, longest, *command):
                kills += 1
                archive = os.path.join(target, "archive")
                if os.path.exists(archive):  # killed while it cleaned up
                    break
            if os.path.exists(os.path.join(target, ".restore")) or not os.path.exists(os.path.join(target, "archive")):
                self.harrier(*command)
            root, report = whole[which]
            self.assertEqual(files_below(target), files_below(os.path.join(root, "data")), f"HARRIER_SEED={SEED}")
            for name in files_below(target):
                self.assertEqual(sha256_of(os.path.join(target, name)), sha256_of(os.path.join(root, "data", name)))
            self.check_archive(os.path.dirname(target), report["position"])
            shutil.rmtree(os.path.dirname(target))

    def test_another_process(self):
        self.import_history()
        self.back_up()
        with open(os.path.join(self.kept, "lock"), encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refuses(75, "works in this backup", "backup", self.data, self.kept)
            self.refuses(75, "a backup is being made in it", "restore", self.kept, os.path.join(self.folder, "new"))


@unittest.skipUnless(small_disk.is_possible(), "no mount namespace is available here")
class DiskTest(BackupTest):
    def test_full(self):
        self.import_history()
        disk = small_disk.SmallDisk(self.kept, 1 << 20)
        self.addCleanup(disk.unmount)
        first = self.back_up()
        disk.fill(leave=16 << 10)
        self.harrier("archive", "seal", self.data)
        self.refuses(74, "No space left on device", "backup", self.data, self.kept)
        self.assertEqual(self.verify_backup()["points"], 1)
        disk.make_room()
        self.assertEqual(self.back_up()["point"], 2)
        self.verify_backup()
        small = os.path.join(self.folder, "small")
        disk = small_disk.SmallDisk(small, 1 << 20)
        self.addCleanup(disk.unmount)
        target = os.path.join(small, "data")
        disk.fill(leave=40 << 10)
        self.refuses(74, "No space left on device", "restore", self.kept, target)
        self.assertEqual(os.listdir(target), [".restore"])
        disk.make_room()
        self.assertIn('"resumed":true', self.harrier("restore", self.kept, target, "--json").stdout)
        self.check_archive(small, first["position"])

    def test_read_only(self):
        self.import_history()
        self.back_up()
        subprocess.run(["mount", "--bind", self.kept, self.kept], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.kept], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", self.kept], check=True)
        self.refuses(74, "Read-only file system", "backup", self.data, self.kept)
        self.verify_backup()  # and it can be read
        root, report = self.restore()
        self.check_archive(root, report["position"])


if __name__ == "__main__":
    small_disk.enter_namespace()
    unittest.main()
