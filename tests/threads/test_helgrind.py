#!/usr/bin/env python3
"""Proves that `helgrind` counts what helgrind says of small programs: two threads that share a number, two that take locks in
both orders, and one that hands a number over by an atomic variable (helgrind_atomics.h)."""
import importlib.machinery
import importlib.util
import pathlib
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
COMPILER = shutil.which("cc")
PROGRAM = r"""
#include <pthread.h>
#include <stdatomic.h>
static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static atomic_int is_ready;
static int number;
static void *count(void *lock) {
    if (lock)
        pthread_mutex_lock(lock);
    number++;
    if (lock)
        pthread_mutex_unlock(lock);
    return 0;
}
static void take(pthread_mutex_t *first, pthread_mutex_t *second) {
    pthread_mutex_lock(first);
    pthread_mutex_lock(second);
    pthread_mutex_unlock(second);
    pthread_mutex_unlock(first);
}
static void *invert(void *unused) {
    take(&b, &a);
    return unused;
}
static void *hand_over(void *order) {
    number = 1;
    atomic_store_explicit(&is_ready, 1, order ? memory_order_release : memory_order_relaxed);
    return 0;
}
int main(int argc, char **argv) {
    pthread_t threads[2];
    (void)argc;
    switch (*argv[1]) {
    case 'r': /* race */
    case 'l': /* locked */
        for (int i = 0; i < 2; i++)
            pthread_create(&threads[i], 0, count, *argv[1] == 'l' ? &a : 0);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], 0);
        return 0;
    case 'i': /* inversion, one after the other */
        take(&a, &b);
        pthread_create(&threads[0], 0, invert, 0);
        break;
    default: { /* ordered or unordered handing over */
        int is_ordered = *argv[1] == 'o';
        pthread_create(&threads[0], 0, hand_over, is_ordered ? &a : 0);
        while (!atomic_load_explicit(&is_ready, is_ordered ? memory_order_acquire : memory_order_relaxed))
            continue;
        number++;
    }
    }
    pthread_join(threads[0], 0);
    return 0;
}
"""


def load():
    loader = importlib.machinery.SourceFileLoader("threads_helgrind", str(HERE / "helgrind"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("threads_helgrind", loader))
    loader.exec_module(module)
    return module


HELGRIND = load()


@unittest.skipUnless(COMPILER and shutil.which("valgrind"), "no compiler or no valgrind")
class HelgrindTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        made = subprocess.run([COMPILER, "-g", "-include", HERE / "helgrind_atomics.h", "-x", "c", "-", "-o", cls.folder / "program",
                               "-lpthread"], input=PROGRAM, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise unittest.SkipTest(f"not compiled: {made.stderr[-1000:]}")

    def reports(self, what):
        log = self.folder / "log"
        subprocess.run(["valgrind", *HELGRIND.VALGRIND, f"--log-file={log}", self.folder / "program", what], check=True)
        return HELGRIND.reports_of(log.read_text(encoding="utf-8"))

    def test_a_race(self):
        counted, left_out = self.reports("race")
        self.assertTrue(any("Possible data race" in report for report in counted), counted)
        self.assertEqual(left_out, 0)
        self.assertEqual(self.reports("locked"), ([], 0))

    def test_an_inversion(self):
        counted, _ = self.reports("inversion")
        self.assertEqual(len(counted), 1, counted)
        self.assertIn("lock order", counted[0])

    def test_what_an_atomic_variable_hands_over(self):
        self.assertEqual(self.reports("ordered"), ([], 0))
        counted, _ = self.reports("unordered")
        self.assertTrue(any("Possible data race" in report for report in counted), counted)


if __name__ == "__main__":
    unittest.main()
