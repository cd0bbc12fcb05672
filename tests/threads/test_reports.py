#!/usr/bin/env python3
"""Proves that `reports` fails a test for a report of a program that the test does not look at: one that is killed, and one
whose exit status nobody reads."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

REPORTS = pathlib.Path(__file__).resolve().parent / "reports"
COMPILER = shutil.which("cc")
# Two threads and one integer; with an argument, under a lock. Killed at its end: it has no exit status of its own.
RACE = r"""
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
static int number, is_locked;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *count(void *user) {
    for (int i = 0; i < 1000; i++) {
        if (is_locked)
            pthread_mutex_lock(&lock);
        number++;
        if (is_locked)
            pthread_mutex_unlock(&lock);
    }
    return user;
}
int main(int argc, char **argv) {
    pthread_t threads[2];
    (void)argv;
    is_locked = argc > 1;
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, count, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    kill(getpid(), SIGKILL);
}
"""


class ReportsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_test(self, script):
        return subprocess.run([REPORTS, "sh", "-c", script], capture_output=True, text=True, check=False, cwd=self.folder)

    def test_the_status_is_the_tests(self):
        self.assertEqual(self.run_test("exit 0").returncode, 0)
        self.assertEqual(self.run_test("exit 77").returncode, 77)
        self.assertEqual(self.run_test("kill -9 $$").returncode, 128 + signal.SIGKILL)

    def test_servers_run_without_their_sandbox(self):
        """Landlock would refuse the file of the reports, and ThreadSanitizer would end the server instead, with status 0."""
        self.assertEqual(self.run_test('test "$HARRIERD_SANDBOX" = off').returncode, 0)

    def test_a_report_fails_it(self):
        write = 'path=${TSAN_OPTIONS#*log_path=}; echo "WARNING: ThreadSanitizer: data race" >"${path%%:*}.7"; '
        done = self.run_test(write + "exit 0")
        self.assertEqual(done.returncode, 66)
        self.assertIn("WARNING: ThreadSanitizer: data race\n\n1 reports of ThreadSanitizer, from 1 processes", done.stdout)

    @unittest.skipUnless(COMPILER, "no compiler")
    def test_a_race_of_a_program_that_is_killed(self):
        made = subprocess.run([COMPILER, "-fsanitize=thread", "-g", "-x", "c", "-", "-o", "race", "-lpthread"], input=RACE,
                              capture_output=True, text=True, cwd=self.folder, check=False)
        if made.returncode != 0:
            self.skipTest("the compiler has no ThreadSanitizer")
        kept = os.environ.pop("TSAN_OPTIONS", None)
        try:
            self.assertEqual(self.run_test("./race locked; exit 0").returncode, 0)
            done = self.run_test("./race; exit 0")
        finally:
            if kept is not None:
                os.environ["TSAN_OPTIONS"] = kept
        self.assertEqual(done.returncode, 66, done.stdout + done.stderr)
        self.assertIn("data race", done.stdout)


if __name__ == "__main__":
    unittest.main()
