#!/usr/bin/env python3
"""Proves that locks.py can fail."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import locks  # noqa: E402

ORDER = "enum lock_rank {\n    LOCK_UNRANKED,\n    LOCK_A,\n    LOCK_B,\n    LOCK_RANK_COUNT\n};\n"
NAMES = '[LOCK_A] = "a",\n[LOCK_B] = "b.c",\n'
PAGE = "| 1 | `a` | `a.lock`, often | `server/a.c` | x | y |\n| 2 | `b.c` | `tokens` | `batch/b.c` | x | y |\n"
A = "struct a {\n    pthread_mutex_t lock;\n};\nlock_init(&a->lock, LOCK_A);\n"
B = ("static pthread_rwlock_t tokens;\npthread_rwlock_init(&tokens, NULL);\n"
     "lock_set_rank(&tokens, LOCK_B);\n")
FILES = {locks.ORDER: ORDER, locks.NAMES: NAMES, locks.PAGE: PAGE, "server/a.c": A, "batch/b.c": B}


class LocksTest(unittest.TestCase):
    def found(self, **changes):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**FILES, **changes.get("files", {})}.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as file:
                    file.write(text)
            return list(locks.offences_of(root))

    def assert_found(self, words, **files):
        found = self.found(files={path.replace("__", "/") + ".c": text for path, text in files.items()})
        self.assertTrue(any(words in what for _, _, what in found), found)

    def test_good(self):
        self.assertEqual(self.found(), [])

    def test_a_lock_without_a_rank(self):
        self.assert_found("gets no rank", server__a=A.replace("lock_init(&a->lock, LOCK_A)", "pthread_mutex_init(&a->lock, NULL)"))
        self.assert_found("gets no rank", batch__b=B.replace("&tokens, LOCK_B", "&others, LOCK_B"))
        self.assert_found("gets no rank", batch__b=B + "static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;\n")
        self.assert_found("gets no rank", batch__b=B + "    pthread_mutex_init(&x->locks[i], NULL);\n")
        self.assert_found("gets no rank", batch__b=B + "    pthread_mutex_init(mutex, NULL);\n")

    def test_a_rank_of_two_locks_or_of_none(self):
        self.assert_found("given to another lock", batch__b=B + "lock_init(&x, LOCK_A);\n")
        self.assert_found("given to no lock", batch__b=B.replace("LOCK_B", "LOCK_A"))

    def test_what_is_not_looked_at(self):
        self.assert_found("not looked at", server__a=A + "    pthread_spin_lock(&x);\n")
        self.assert_found("not looked at", server__a=A + "    pthread_rwlock_tryrdlock(&x);\n")

    def test_the_page(self):
        self.assert_found("more is not in docs/LOCKS.md", server__a=A + "    pthread_mutex_t more;\n")
        self.assert_found("more is not in docs/LOCKS.md", server__a=A + "    pthread_mutex_t more[8];\n")
        self.assert_found("more is not in docs/LOCKS.md", server__a=A + "static _Thread_local pthread_mutex_t more;\n")
        rows = PAGE.splitlines(True)
        for page, words in (
            (rows[0], "no row of rank 2"),
            (rows[1] + rows[0], "the row of rank 1 is of `a`"),
            (PAGE + rows[0].replace("1", "3"), "no such rank: 3"),
            (PAGE.replace("a.lock", "a.mutex"), "declares no lock mutex"),
        ):
            found = self.found(files={locks.PAGE: page})
            self.assertTrue(any(words in what for _, _, what in found), (words, found))

    def test_an_empty_order(self):
        found = self.found(files={locks.ORDER: ""})
        self.assertIn((locks.ORDER, 1, "no enum lock_rank found"), found)


if __name__ == "__main__":
    unittest.main()
