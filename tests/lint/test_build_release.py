#!/usr/bin/env python3
"""deploy/build-release does what its usage says: on a project of two small programs, with the real meson, ninja and gcc.

That it builds and trains Harrier itself takes minutes; tests/release/run sees to it.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = sys.argv.pop(1)
GCC = "Free Software Foundation" in subprocess.run(
    [*os.environ.get("CC", "cc").split(), "--version"], capture_output=True, text=True, check=True).stdout

# A loop whose two ways gcc cannot tell the shares of, unless it was told.
PROGRAM = """
#include <stdlib.h>
int turns(int count);
__attribute__((noinline)) int turns(int count) {
    int sum = 0;
    for (int i = 0; i < count; i++)
        sum += i % 7 == 3 ? i : -1;
    return sum;
}
int main(int argc, char **argv) {
    return turns(argc > 1 ? atoi(argv[1]) : 1000) == 0;
}
"""
MESON = """
project('small', 'c', meson_version: '>= 1.0.0')
subdir('server')
subdir('clients')
"""
TRAINING = """#!/bin/sh
echo trained >>times
[ ! -e broken ] || { echo 'the server did not start' >&2; exit 1; }
"$1/server/harrierd" && "$1/clients/cli/harrier" 5000
"""


@unittest.skipUnless(GCC, "profiles are gcc's")
class BuildReleaseTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.write("meson.build", MESON)
        self.write("server/meson.build", "executable('harrierd', 'main.c', install: true)\n")
        self.write("clients/meson.build", "subdir('cli')\n")
        self.write("clients/cli/meson.build", "executable('harrier', 'main.c', install: true)\n"
                   "executable('other', 'main.c', build_by_default: false)\n")
        self.write("server/main.c", PROGRAM)
        self.write("clients/cli/main.c", PROGRAM)
        self.write("deploy/dependencies.sh", "#!/bin/sh\n", 0o755)
        self.write("deploy/training", TRAINING, 0o755)
        os.makedirs(self.path("deploy"), exist_ok=True)
        shutil.copy(os.path.join(ROOT, "deploy", "build-release"), self.path("deploy/build-release"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def build(self, *arguments, status=0, **environment):
        done = subprocess.run([self.path("deploy/build-release"), *arguments], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, env={**os.environ, **environment})
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, status, said)
        return said

    def trainings(self):
        try:
            with open(self.path("times"), encoding="utf-8") as times:
                return len(times.readlines())
        except FileNotFoundError:
            return 0

    def options(self, build):
        with open(self.path(f"{build}/compile_commands.json"), encoding="utf-8") as commands:
            return commands.read()

    def changed(self, build):
        """When the program was linked."""
        return os.stat(self.path(f"{build}/server/harrierd")).st_mtime_ns

    def test_trains_once(self):
        self.build()
        self.assertEqual(self.trainings(), 1)
        self.assertIn("-fprofile-use", self.options("build/release"))
        self.assertTrue(os.path.exists(self.path("build/release/clients/cli/harrier")))
        self.assertFalse(os.path.exists(self.path("build/release/clients/cli/other")))
        before = self.changed("build/release")
        self.build()
        self.assertEqual((self.trainings(), self.changed("build/release")), (1, before))
        # Another folder has the same profile, and only the targets that it was asked for.
        self.build("build/bench", "clients/cli/other")
        self.assertEqual(self.trainings(), 1)
        self.assertTrue(os.path.exists(self.path("build/bench/clients/cli/other")))
        self.assertFalse(os.path.exists(self.path("build/bench/clients/cli/harrier")))
        subprocess.run(["meson", "install", "--no-rebuild", "-C", self.path("build/release"), "--destdir", self.path("root")],
                       check=True, capture_output=True)

    def test_profile_is_used(self):
        """The counts are where gcc looks for them: it says of the loop how often it was run."""
        self.build()
        with open(self.path("build/release/compile_commands.json"), encoding="utf-8") as file:
            commands = [line for line in file.read().splitlines() if '"command"' in line and "main.c" in line]
        command = next(line for line in commands if "harrierd" in line).split('": "')[1].rstrip('",').replace('\\"', '"')
        subprocess.run(f"{command} -fno-lto -fdump-tree-optimized=shown", shell=True, check=True, capture_output=True,
                       cwd=self.path("build/release"))
        with open(self.path("build/release/shown"), encoding="utf-8") as file:
            self.assertIn("[99.90%]", file.read())  # 999 of 1,000 times it goes on

    def test_what_changed(self):
        self.build()
        before = self.changed("build/release")
        self.write("server/main.c", PROGRAM.replace("% 7", "% 11"))
        self.build(PROFILE="keep")
        self.assertEqual(self.trainings(), 1)
        kept = self.changed("build/release")
        self.assertNotEqual(kept, before)
        self.build()
        self.assertEqual(self.trainings(), 2)
        self.assertNotEqual(self.changed("build/release"), kept)
        self.write("deploy/training", TRAINING + "true\n", 0o755)
        self.build()
        self.assertEqual(self.trainings(), 3)
        self.build(PROFILE="new")
        self.assertEqual(self.trainings(), 4)

    def test_without_a_profile(self):
        self.build(PROFILE="none")
        self.assertEqual(self.trainings(), 0)
        self.assertNotIn("-fprofile-use", self.options("build/release"))
        self.assertIn("-flto", self.options("build/release"))
        self.build()
        self.assertEqual(self.trainings(), 1)
        self.assertIn("-fprofile-use", self.options("build/release"))

    def test_failed_training(self):
        self.write("broken", "")
        said = self.build(status=1)
        self.assertIn("the server did not start", said)
        self.assertIn("PROFILE=none", said)
        self.assertFalse(os.path.exists(self.path("build/release/server/harrierd")))
        os.remove(self.path("broken"))
        self.build()
        self.assertEqual(self.trainings(), 2)

    def test_another_compiler(self):
        self.write("other-cc",
                   '#!/bin/sh\n[ "$1" = --version ] && [ $# -eq 1 ] && { echo "clang version 99"; exit; }\n'
                   'for a; do shift; [ "$a" = -fcolor-diagnostics ] || set -- "$@" "$a"; done; exec cc "$@"\n', 0o755)
        said = self.build(CC=self.path("other-cc"))
        self.assertIn("is not gcc (clang version 99)", said)
        self.assertEqual(self.trainings(), 0)
        self.assertNotIn("-fprofile", self.options("build/release"))
        self.build() # and back
        self.assertIn("-fprofile-use", self.options("build/release"))
        said = self.build(CC=self.path("none-such"), status=69)
        self.assertIn("none-such", said)

    def test_by_hand(self):
        subprocess.run(["meson", "setup", self.path("build/own"), self.folder], check=True, capture_output=True)
        said = self.build("build/own", "server/harrierd")
        self.assertIn("set up by hand", said)
        self.assertEqual(self.trainings(), 0)
        self.assertTrue(os.path.exists(self.path("build/own/server/harrierd")))

    def test_moved(self):
        """A copy of the whole tree builds its own sources."""
        self.build()
        copy = self.folder + "-copy"
        self.addCleanup(shutil.rmtree, copy)
        shutil.copytree(self.folder, copy)
        self.folder = copy
        self.build()
        self.assertEqual(self.trainings(), 2)
        self.assertIn(copy, self.options("build/training"))

    def test_mistakes(self):
        self.assertIn("PROFILE is \"some\"", self.build(PROFILE="some", status=64))
        self.assertIn("--fast", self.build("--fast", status=64))
        self.assertIn("build/training", self.build("build/training", status=64))
        self.assertIn("usage: deploy/build-release", self.build("--help"))
        self.write("server/main.c", "int main(void) { return }\n")
        self.assertIn("error", self.build(status=1))


if __name__ == "__main__":
    unittest.main()
