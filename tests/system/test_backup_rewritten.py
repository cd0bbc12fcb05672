#!/usr/bin/env python3
"""harrier backup and harrier restore of an archive whose beginning was pruned, and of one from which a person was erased:
nothing of the person is in a later backup."""
import fcntl
import glob
import json
import os
import shutil
import struct
import unittest

from backups import A_DAY, DAYS, BackupTest, files_below, states
from segments import unzstd_segment, xxh3


class PruneTest(BackupTest):
    def test_points(self):
        """After a prune a point has the archive as it begins; earlier points keep what is gone."""
        self.import_history(days=range(2))
        self.rebuild()
        first = self.back_up()
        self.import_history(days=range(2, DAYS))
        self.rebuild()
        second = self.back_up()
        root, _ = self.restore()
        server = self.server_in(root).start()
        expected = states(server.status(state_hash=True))
        self.assertEqual(server.stop(), 0)

        self.prune("2026-01-03")
        third = self.back_up()
        begins = self.points()[-1]["files"][0]["first"]
        self.assertGreater(begins, A_DAY)
        self.assertEqual(third["position"], second["position"])
        root, report = self.restore()
        self.assertEqual(report["point"], 3)
        self.check_states(root, third["position"], expected)
        # In front of the beginning: of an earlier point. The last record of the day before is at its end.
        for place in ("--to-time=2026-01-02T23:59:59Z", f"--to-position={begins - 1}"):
            root, report = self.restore(place)
            self.assertEqual((report["point"], report["position"]), (2, begins - 1))
            self.check_archive(root, begins - 1)

        # Beyond all that the backup has, and earlier tables do not fit the beginning.
        self.harrier("archive", "seal", self.data)
        os.rename(self.kept, self.kept + "2")
        self.back_up(data=root + "/data")
        self.assertEqual(self.points()[0]["position"], begins - 1)
        self.prune("2026-01-04")
        self.back_up("--no-tables")
        self.assertGreater(self.points()[-1]["files"][0]["first"], begins)
        root, report = self.restore()
        self.assertNotIn("tables_point", report)
        self.check_states(root, third["position"], expected)
        self.verify_backup()
        self.assertLess(first["position"], begins)


class EraseTest(BackupTest):
    def put_epoch(self, number, *names):
        """As an erasure leaves it: its number, and segments that it has yet to put in place."""
        lines = "".join(f"{line}\n" for line in ("harrier epoch 1", f"number {number}", *names)).encode()
        with open(os.path.join(self.data, "archive", "epoch"), "wb") as file:
            file.write(lines + f"hash {xxh3(lines):016x}\n".encode())

    def test_the_number_of_an_epoch(self):
        """The archive states how many erasures there were, also if no segment does; a point from in between is none."""
        self.import_history()
        self.rebuild()
        self.back_up()
        segment = sorted(glob.glob(os.path.join(self.data, "archive", "*", "*.seg*")))[0]
        self.put_epoch(2, os.path.relpath(segment, os.path.join(self.data, "archive")))
        self.refuses(75, "an erasure is not finished", "backup", self.data, self.kept)
        self.assertEqual(len(self.points()), 1)
        self.put_epoch(2)
        done = self.harrier("backup", self.data, self.kept, "--json")
        report = json.loads(done.stdout)
        self.assertEqual((report["points_rewritten"], report["points"], report["tables"]), (1, 1, "unusable"))
        self.assertIn("built before the last erasure", done.stderr)
        self.assertEqual([point["epoch"] for point in self.points()], [2])
        self.assertFalse([name for name in files_below(self.kept) if "tables.mdb" in name])
        # What was rewritten may be pruned since: the number stays.
        self.put_epoch(1)
        self.refuses(65, "from before that", "backup", self.data, self.kept)
        with open(os.path.join(self.data, "archive", "epoch"), "a", encoding="utf-8") as file:
            file.write("more")
        self.refuses(65, "epoch: it is damaged", "backup", self.data, self.kept)

    def holds(self, folder, value):
        """The files below the folder that have the value, sealed segments unpacked."""
        found = []
        for name in files_below(folder):
            with open(os.path.join(folder, name), "rb") as file:
                data = file.read()
            if value.encode() in (unzstd_segment(data) if ".seg.zst" in name else data):
                found.append(name)
        return found

    @staticmethod
    def epochs(archive):
        """Of its sealed segments."""
        found = set()
        for path in glob.glob(os.path.join(archive, "*", "*.seg.zst")):
            with open(path, "rb") as file:
                found.add(struct.unpack_from("<Q", unzstd_segment(file.read()), 40)[0])
        return found

    def test_a_person(self):
        person, other = "person-4711", "person-4712"
        self.import_history(person=person)
        self.harrier("archive", "seal", self.data)
        self.import_history(days=range(DAYS, DAYS + 1), person=other)
        self.rebuild()
        first = self.back_up()
        self.assertTrue([name for name in self.holds(self.kept, person) if ".seg.zst" in name])
        self.assertTrue([name for name in self.holds(self.kept, person) if "tables.mdb" in name])
        self.harrier("erase", self.data, "--entity", f"card={person}")
        self.assertEqual(self.holds(self.data, person), [])
        second = self.back_up("--keep=9")
        self.assertEqual((second["points_rewritten"], second["points"], second["tables"]), (1, 1, "copied"))
        self.assertEqual(self.holds(self.kept, person), [])
        self.verify_backup()
        self.assertEqual([point["epoch"] for point in self.points()], [1])
        root, report = self.restore()
        data = os.path.join(root, "data")
        self.check_archive(root, second["position"])
        self.harrier("verify", data)
        self.harrier("replay", data, "--recorded", "--quiet")
        # In front of the erasure's record: rewritten, too.
        root, report = self.restore(f"--to-position={first['position']}")
        self.assertEqual((report["position"], report["chain"]), (first["position"], first["chain"]))
        self.assertEqual(self.holds(root, person), [])
        self.harrier("replay", os.path.join(root, "data"), "--recorded", "--quiet")
        archive = os.path.join(root, "data", "archive")
        verified = self.harrier("archive", "verify", archive).stdout
        self.assertRegex(verified, "(?m)^note: [0-9]+ segments were rewritten by erasure 1, whose record comes later")
        self.assertIn("The archive is whole.", verified)
        # While the next erasure is at work, too, whose record will have their seals.
        again = os.path.join(self.folder, "again")
        shutil.copytree(os.path.join(root, "data"), again)
        os.makedirs(os.path.join(again, "generations"), exist_ok=True)
        with open(os.path.join(again, "generations", "lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refuses(75, "", "erase", again, "--entity", f"card={other}")
        self.assertLessEqual({1, 2}, self.epochs(os.path.join(again, "archive")))
        self.harrier("archive", "verify", os.path.join(again, "archive"))
        self.harrier("erase", again, "--finish")
        self.assertNotIn("note:", self.harrier("archive", "verify", os.path.join(again, "archive")).stdout)
        # Only the erasure's protocol says that they are what it wrote.
        protocol = os.path.join(archive, "erasures", "000001.json")
        with open(protocol, encoding="utf-8") as file:
            said = file.read()
        with open(protocol, "w", encoding="utf-8") as file:
            file.write(said.replace('"seal":"', '"seal":"0'))
        self.refuses(65, "", "archive", "verify", archive)
        os.unlink(protocol)
        self.refuses(65, "", "archive", "verify", archive)

        # What was rewritten goes, the epoch stays.
        self.prune("2026-01-04")
        third = self.back_up()
        self.assertEqual((third["points_rewritten"], third["points"]), (0, 2))
        self.assertEqual([point["epoch"] for point in self.points()], [1, 1])


if __name__ == "__main__":
    unittest.main()
