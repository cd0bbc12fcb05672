#!/usr/bin/env python3
"""Proves that layers.py can fail: injects each kind of offence into an otherwise clean tree and looks
for its file and line, then removes it and looks for silence."""
import contextlib
import io
import os
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import layers  # noqa: E402

FOLDERS = ["core/base", "core/wire/message", "core/wire/types", "core/feature/state", "core/policy/lang", "core/policy/load",
           "core/store/generation", "server/front", "server/service", "clients/c", "clients/c/transport", "batch/rebuild", "batch/replay",
           "clients/cli"]

CLEAN = {
    **{f"{folder}/meson.build": "# What is in here.\n" for folder in FOLDERS},
    "core/base/text.h": "#pragma once\n",
    "core/wire/message/message.c": '#include "../../base/text.h"\n#include "harrier.pb-c.h"\n',
    "core/feature/state/state.h": '#include "core/wire/message/message.h"\n',
    "core/wire/message/message.h": "#pragma once\n",
    "core/policy/lang/rule.h": "#pragma once\n",
    "core/store/generation/table.c": '#include <lmdb.h>\n#include "../../policy/lang/rule.h"\n',
    "server/front/front.h": '#include "core/policy/lang/rule.h"\n',
    "server/front/front_nng.c": "#include <nng/nng.h>\n#include <event2/event.h>\n",
    "clients/c/client_new.c": '#include "core/wire/message/message.h"\n',
    "clients/c/harrier.h": "#pragma once\n",
    "clients/c/loop.h": "#pragma once\n",
    "clients/c/transport/nng.c": '#include <nng/nng.h>\n#include "clients/c/harrier.h"\n',
    "batch/rebuild/rebuild.h": "#pragma once\n",
    "clients/cli/main.c": '#include "batch/rebuild/rebuild.h"\n',
    "core/policy/load/load.h": '#include "core/policy/lang/rule.h"\n',
    "core/policy/stray.h": "#pragma once\n",
    "core/policy/meson.build": "# What is in here.\n",
    "batch/replay/replay.h": "#pragma once\n",
    "batch/replay/replay_read.h": '#include "replay.h"\n',
    "batch/replay/replay_read.c": '#include "replay_read.h"\n',
}

# (file, text put at its end, what the message must hold)
OFFENCES = [
    ("core/base/text.h", '#include "core/feature/state/state.h"\n', "core/base may not use"),
    ("core/feature/state/state.h", '#include "../../policy/lang/rule.h"\n', "core/feature may not use"),
    ("core/policy/lang/rule.h", '#include "server/front/front.h"\n', "core/policy may not use"),
    ("clients/c/client_new.c", '#include "core/policy/lang/rule.h"\n', "clients/c may not use"),
    ("server/front/front.h", '#include "batch/rebuild/rebuild.h"\n', "server may not use"),
    ("batch/rebuild/rebuild.h", '#include "clients/c/exchange/client.h"\n#include "server/front/front.h"\n', "batch may not use"),
    ("core/policy/lang/rule.h", "#include <lmdb.h>\n", "lmdb.h"),
    ("server/front/front.h", "#include <lmdb.h>\n", "lmdb.h"),
    ("core/store/generation/table.c", "#include <nng/nng.h>\n", "nng/nng.h"),
    ("clients/c/client_new.c", "#include <nng/nng.h>\n", "nng/nng.h"),
    ("clients/c/client_new.c", "#include <netdb.h>\n", "netdb.h"),
    ("server/front/front.h", "#include <nng/protocol/reqrep0/rep.h>\n", "nng/protocol"),
    ("clients/cli/main.c", "  #  include <event2/event.h>\n", "event2"),
    ("core/store/generation/table.c", '#include "archive.pb-c.h"\n', "archive.pb-c.h"),
    ("core/policy/lang/rule.h", '#include "core/policy/load/load.h"\n', "core/policy/lang may not use"),
    ("core/policy/lang/rule.h", '#include "core/policy/stray.h"\n', "in no listed folder of core/policy"),
    ("clients/c/transport/nng.c", '#include "clients/c/loop.h"\n', "above the folders of clients/c"),
    ("batch/replay/replay.h", '#include "replay_read.h"\n', "in a circle with this file: replay, replay_read"),
    ("core/base/text.h", "#include <pthread.h>\n", "pthread.h"),
    ("core/base/text.h", "static inline long now(void) { return time(NULL); }\n", "clock"),
]


def write(root, files):
    for path, text in files.items():
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)


def run(root):
    """layers.py, in this process: one interpreter for each of some thirty trees takes half a minute on a busy machine."""
    out = io.StringIO()
    with mock.patch.object(sys, "argv", ["layers.py", root]), contextlib.redirect_stdout(out):
        with contextlib.redirect_stderr(io.StringIO()):
            status = layers.main()
    return status, out.getvalue()


class LayersTest(unittest.TestCase):
    def test_clean_tree_is_silent(self):
        with tempfile.TemporaryDirectory() as root:
            write(root, CLEAN)
            self.assertEqual(run(root), (0, ""))

    def test_each_offence_is_found_where_it_is(self):
        for path, text, words in OFFENCES:
            with self.subTest(path=path, text=text), tempfile.TemporaryDirectory() as root:
                write(root, CLEAN)
                write(root, {path: CLEAN[path] + text})
                line = CLEAN[path].count("\n") + text.count("\n")
                status, out = run(root)
                self.assertEqual(status, 1)
                self.assertIn(f"{path}:{line}: ", out)
                self.assertIn(words, out)

    def test_a_circle_through_a_source_file_is_found(self):
        with tempfile.TemporaryDirectory() as root:
            write(root, CLEAN)
            write(root, {"batch/replay/replay.c": '#include "replay.h"\n#include "replay_read.h"\n'})
            status, out = run(root)
            self.assertEqual(status, 1)
            self.assertIn("batch/replay/replay.c:2: ", out)
            self.assertIn("batch/replay/replay_read.h:1: ", out)

    CALLS = {
        "server/service/all_of_it.h": "void step_take(int a,\n               int b);\nvoid table_run(void);\n",
        "server/service/step.c": '#include "all_of_it.h"\n\nstatic void helper(void) {\n}\n\n'
                                 "void step_take(int a,\n               int b) {\n    helper();\n}\n",
        "server/service/table.c": '#include "all_of_it.h"\n\nstatic void helper(void) {\n}\n\n'
                                  "static void (*const steps[])(int, int) = {\n    step_take,\n};\n\n"
                                  "void table_run(void) {\n    helper();\n}\n",
    }

    def test_calls_in_one_direction_are_silent(self):
        with tempfile.TemporaryDirectory() as root:
            write(root, {**CLEAN, **self.CALLS})
            self.assertEqual(run(root), (0, ""))

    def test_modules_that_call_each_other_are_found(self):
        back = "\nvoid step_end(void) {\n    /* table_run() is mentioned */\n    table_run();\n}\n"
        with tempfile.TemporaryDirectory() as root:
            write(root, {**CLEAN, **self.CALLS})
            write(root, {"server/service/step.c": self.CALLS["server/service/step.c"] + back})
            status, out = run(root)
            self.assertEqual(status, 1)
            self.assertIn("server/service/step.c:13: table_run() is in table, in a circle of calls with this file", out)
            self.assertIn("server/service/table.c:7: step_take() is in step, in a circle of calls", out)

    def test_modules_that_call_each_other_through_a_third_are_found(self):
        third = '#include "all_of_it.h"\n\nvoid third(void) {\n    table_run();\n}\n'
        back = "\nvoid step_end(void) {\n    third();\n}\n"
        with tempfile.TemporaryDirectory() as root:
            write(root, {**CLEAN, **self.CALLS, "server/service/third.c": third})
            write(root, {"server/service/step.c": self.CALLS["server/service/step.c"] + back})
            status, out = run(root)
            self.assertEqual((status, out.count("step, table, third")), (1, 3))

    def test_a_member_of_the_same_name_is_no_call(self):
        member = "\nstruct job {\n    void (*run)(void);\n};\n\nvoid step_end(struct job *job) {\n    job->table_run();\n}\n"
        with tempfile.TemporaryDirectory() as root:
            write(root, {**CLEAN, **self.CALLS})
            write(root, {"server/service/step.c": self.CALLS["server/service/step.c"] + member})
            self.assertEqual(run(root), (0, ""))

    def test_a_folder_too_full_is_found(self):
        with tempfile.TemporaryDirectory() as root:
            write(root, CLEAN)
            write(root, {f"server/service/step{i}.c": "" for i in range(36)})
            status, out = run(root)
            self.assertEqual((status, out), (1, "server/service:1: 36 C files; a folder holds 35 at most\n"))

    def test_a_folder_that_says_nothing_is_found(self):
        with tempfile.TemporaryDirectory() as root:
            write(root, {**CLEAN, "server/service/step.c": "", "server/service/meson.build": "x = 1\n"})
            status, out = run(root)
            self.assertEqual((status, out.split(" ")[0]), (1, "server/service/meson.build:1:"))

    def test_empty_file_name_is_found(self):
        with tempfile.TemporaryDirectory() as root:
            write(root, CLEAN)
            write(root, {"core/base/string_util.c": ""})
            status, out = run(root)
            self.assertEqual((status, out.split(" ")[0]), (1, "core/base/string_util.c:1:"))

    def test_empty_tree_is_not_a_pass(self):
        with tempfile.TemporaryDirectory() as root:
            self.assertEqual(run(root)[0], 2)


if __name__ == "__main__":
    unittest.main()
