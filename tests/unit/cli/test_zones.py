#!/usr/bin/env python3
"""harrier zones, and local times of the whole world: those of harrier eval against Python's zoneinfo, an independent reader of
the same files. Zones come from this machine's tzdata, and once more as zic writes them the short way, where both are there.

usage: test_zones.py HARRIER
"""
import datetime
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zoneinfo

HARRIER = sys.argv[1]
TZDATA = "/usr/share/zoneinfo"
UTC = datetime.timezone.utc
PER_POLICY = 200  # zones; a policy may have 256
INSTANTS = int(os.environ.get("HARRIER_STEPS", "16"))  # of each zone
SEED = int(os.environ.get("HARRIER_SEED", "1"))
EXPRESSION = "localDate(t, '{0}') + string(t.getHours('{0}') * 10000 + t.getMinutes('{0}') * 100 + t.getSeconds('{0}'))"


def harrier(*arguments, given=None):
    return subprocess.run([HARRIER, *arguments], input=given, capture_output=True, text=True, check=False)


def skip_without_tzdata():
    if not os.path.exists(os.path.join(TZDATA, "Europe/Berlin")):
        raise unittest.SkipTest(f"there is no tzdata in {TZDATA}")


def all_names():
    return sorted(name for name in zoneinfo.available_timezones() if os.path.isfile(os.path.join(TZDATA, name)))


def seconds_of(year):
    return int(datetime.datetime(year, 1, 1, tzinfo=UTC).timestamp())


def changes_of(path):
    """The transition times of a TZif file, as far as our instants go: the times around them are the ones to try."""
    with open(path, "rb") as file:
        content = file.read()
    counts = [int.from_bytes(content[at:at + 4], "big") for at in range(20, 44, 4)]
    size = counts[3] * 5 + counts[4] * 6 + counts[5] + counts[2] * 8 + counts[1] + counts[0]
    start = 44 + size + 44
    count = int.from_bytes(content[start - 12:start - 8], "big")
    times = (int.from_bytes(content[start + 8 * i:start + 8 * i + 8], "big", signed=True) for i in range(count))
    return [time for time in times if seconds_of(1900) < time < seconds_of(2500)]


def instants_of(path, chance):
    times = [chance.randrange(seconds_of(1900), seconds_of(2500)) for _ in range(INSTANTS)]
    changes = changes_of(path)
    for change in chance.sample(changes, min(len(changes), INSTANTS // 4)) + changes[-1:]:
        times += [change - 1, change, change + 1]
    return times


def line_of(name, time):
    written = datetime.datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({"expr": EXPRESSION.format(name), "with": {"t": {"timestamp": written}}})


def expected_of(zone, time):
    local = datetime.datetime.fromtimestamp(time, UTC).astimezone(zone)
    return local.strftime("%Y-%m-%d") + str(local.hour * 10000 + local.minute * 100 + local.second)


def make_policy(folder):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "policy.yaml"), "w", encoding="utf-8") as file:
        file.write("policy: {name: zoned, base_currency: EUR}\n")


class Folder(unittest.TestCase):
    def setUp(self):
        skip_without_tzdata()
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def add(self, names, policy, source=TZDATA):
        make_policy(policy)
        ran = harrier("zones", policy, "--from", source, "--quiet", *(f"--add={name}" for name in names))
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "", ""))


class World(Folder):
    def compare(self, names, policy, source):
        chance = random.Random(SEED)
        lines, expected = [], []
        for name in names:
            with open(os.path.join(source, name), "rb") as file:
                zone = zoneinfo.ZoneInfo.from_file(file, key=name)
            for time in instants_of(os.path.join(source, name), chance):
                lines.append(line_of(name, time))
                expected.append(expected_of(zone, time))
        ran = harrier("eval", "--lines", "--zones", policy, given="\n".join(lines) + "\n")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        results = ran.stdout.splitlines()
        self.assertEqual(len(results), len(lines))
        for line, result, wanted in zip(lines, results, expected):
            self.assertEqual(json.loads(result).get("value"), wanted, line)
        return len(lines)

    def add_consistent(self, names, policy, source):
        """Returns those that were added. Versions of zic before 2022g leave out a transition after which the rule holds, in
        America/Ojinaga. Such a file does not say which local times it means, and is refused."""
        make_policy(policy)
        while names:
            ran = harrier("zones", policy, "--from", source, "--quiet", *(f"--add={name}" for name in names))
            if ran.returncode == 0:
                break
            refused = re.fullmatch(f"harrier: {source}/(.*): its TZ string contradicts its last transition\n", ran.stderr)
            self.assertTrue(refused, ran.stderr)
            names = [name for name in names if name != refused[1]]
        return names

    def compare_all(self, source):
        every = [name for name in all_names() if os.path.exists(os.path.join(source, name))]  # a link "localtime" may be there
        zones = compared = 0
        for first in range(0, len(every), PER_POLICY):
            policy = os.path.join(self.folder, f"policy{first}")
            names = self.add_consistent(every[first:first + PER_POLICY], policy, source)
            zones += len(names)
            compared += self.compare(names, policy, source)
        self.assertGreater(zones, max(300, len(every) - 5))
        print(f"{zones} zones, {compared} times compared with zoneinfo", file=sys.stderr)

    def test_as_the_machine_has_them(self):
        self.compare_all(TZDATA)

    def test_as_zic_writes_them_short(self):
        """Without the transitions that follow from the rule at the end. Their local times, hence hashes, are the same."""
        zic = shutil.which("zic", path=os.environ.get("PATH", "") + ":/usr/sbin")
        rules = os.path.join(TZDATA, "tzdata.zi")
        if not zic or not os.path.exists(rules):
            raise unittest.SkipTest("there is no zic, or no tzdata.zi")
        short = os.path.join(self.folder, "short")
        subprocess.run([zic, "-b", "slim", "-d", short, rules], check=True, capture_output=True)
        self.compare_all(short)
        policy = os.path.join(self.folder, "both")
        names = ["Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kathmandu", "Africa/Casablanca"]
        self.add(names, policy, short)
        listed = harrier("zones", policy).stdout
        self.assertEqual(listed.count(" as in tzdata"), len(names), listed)
        updated = harrier("zones", policy, "--update").stdout
        self.assertEqual(updated.count("the same local times") + updated.count("unchanged"), len(names), updated)


class Command(Folder):
    def setUp(self):
        super().setUp()
        self.policy = os.path.join(self.folder, "policy")
        self.path = os.path.join(self.policy, "zones/Europe/Berlin.tzif")
        make_policy(self.policy)

    def expect(self, status, text, *arguments):
        ran = harrier("zones", *arguments)
        self.assertEqual(ran.returncode, status, ran.stderr)
        self.assertIn(text, ran.stdout + ran.stderr)

    def test_adds_and_lists(self):
        self.expect(0, "has no time zones", self.policy)
        self.expect(0, "added from tzdata", self.policy, "--add", "Europe/Berlin")
        with open(self.path, "rb") as copy, open(os.path.join(TZDATA, "Europe/Berlin"), "rb") as file:
            self.assertEqual(copy.read(), file.read())
        self.expect(0, "as in tzdata", self.policy)
        self.expect(0, "unchanged", self.policy, "--add", "Europe/Berlin")
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.path))), ["Berlin.tzif"])

    def test_updates_only_when_asked(self):
        self.add(["Europe/London"], self.policy)
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        shutil.copy(os.path.join(self.policy, "zones/Europe/London.tzif"), self.path)
        self.expect(0, "differs from tzdata", self.policy)
        self.expect(65, "--update replaces it", self.policy, "--add", "Europe/Berlin")
        self.expect(0, "local times change from", self.policy, "--update")
        self.expect(0, "unchanged", self.policy, "--update")

    def test_replaces_a_damaged_file(self):
        self.add(["Europe/Berlin"], self.policy)
        os.truncate(self.path, 100)
        self.expect(65, "zones/Europe/Berlin.tzif: the file is truncated", self.policy)
        self.expect(0, "it was damaged", self.policy, "--update")
        self.expect(0, "as in tzdata", self.policy)

    def test_keeps_what_the_machine_lacks(self):
        self.add(["Europe/Berlin"], self.policy)
        os.rename(self.path, self.path.replace("Berlin", "Nowhere"))
        self.expect(0, "not in tzdata", self.policy)
        self.expect(0, "stays as it is", self.policy, "--update")
        quiet = harrier("zones", self.policy, "--update", "--quiet")
        self.assertEqual((quiet.returncode, quiet.stdout, quiet.stderr), (0, "", ""))

    def test_refuses_a_folder_that_is_no_policy(self):
        other = os.path.join(self.folder, "photos")
        os.mkdir(other)
        for arguments in [], ["--update"], ["--add", "Europe/Berlin"]:
            self.expect(66, f"{other} has no policy.yaml; expected the folder of a policy", other, *arguments)
        self.assertEqual(os.listdir(other), [])

    def test_mistakes(self):
        self.expect(66, 'did you mean "Europe/Berlin"?', self.policy, "--add", "Europe/Berln")
        self.expect(66, 'has no time zone "Europe"', self.policy, "--add", "Europe")
        self.expect(64, "is not the name of a time zone", self.policy, "--add", "../../etc/passwd")
        self.expect(64, "which policy folder?")
        self.expect(64, "one policy folder", self.policy, "Europe/Berlin")
        self.expect(66, "No such file or directory", os.path.join(self.folder, "none"))
        self.expect(66, "has no time zone", self.policy, "--add", "Europe/Berlin", "--from", self.folder)
        for arguments in [], ["--update"], ["--add", "Europe/Berlin"]:
            for source in os.path.join(self.folder, "none"), __file__:
                self.expect(66, f"{source}: no such folder", self.policy, "--from", source, *arguments)
        if os.path.exists(os.path.join(TZDATA, "right/Europe/Berlin")):
            self.expect(65, "leap seconds", self.policy, "--add", "Europe/Berlin", "--from", os.path.join(TZDATA, "right"))
        self.assertEqual(os.listdir(self.policy), ["policy.yaml"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
