#!/usr/bin/env python3
"""Starting: what is refused, with which exit status and message."""
import os
import pathlib
import re
import subprocess
import unittest

from server import HARRIERD, WAIT, ServerTest, free_port, transaction


def run(*arguments, **environment):
    return subprocess.run(
        [HARRIERD, *arguments], capture_output=True, text=True, timeout=WAIT, env={**os.environ, **environment}
    )


def memory_limit():
    """How many bytes of memory this process may use, and what harrierd calls the reason."""
    limits = [(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), "the machine's memory")]
    for line in pathlib.Path("/proc/self/cgroup").read_text("utf-8").splitlines():
        _, controllers, group = line.split(":", 2)
        if "memory" in controllers.split(","):
            mount, name = pathlib.Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
        elif controllers == "":
            mount, name = pathlib.Path("/sys/fs/cgroup"), "memory.max"
        else:
            continue
        here = mount / group.lstrip("/")
        for folder in (here, *here.parents):
            if folder.is_relative_to(mount) and (folder / name).exists():
                text = (folder / name).read_text("utf-8").strip()
                if text != "max":
                    limits.append((int(text), f"the limit in {folder / name}"))
    return min(limits, key=lambda limit: limit[0])


class CommandLineTest(unittest.TestCase):
    def test_help_and_version(self):
        done = run("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for word in ("--data_dir", "--max_ahead", "HARRIERD_", "Exit status"):
            self.assertIn(word, done.stdout)
        self.assertRegex(run("--version").stdout, r"^harrierd \d+\.\d+\.\d+\n$")

    def test_example_configuration_is_up_to_date(self):
        path = os.path.join(os.environ["HARRIER_ROOT"], "deploy", "harrierd.conf")
        with open(path, encoding="utf-8") as file:
            self.assertEqual(
                file.read(),
                run("--print-config").stdout,
                "write it anew: harrierd --print-config > deploy/harrierd.conf",
            )

    def test_mistakes(self):
        for arguments, environment, status, words in (
            (["--plicy=x"], {}, 64, "did you mean --policy?"),
            (["--max_requests=many"], {}, 64, "expected a number"),
            ([], {"HARRIERD_MAX_AHEAD": "1"}, 78, "HARRIERD_MAX_AHEAD: max_ahead cannot be \"1\""),
            (["--config=/nowhere"], {}, 78, "/nowhere: No such file"),
            (["--config=/dev/null", "--listen=tcp://0.0.0.0:1"], {}, 78, "there are no tokens"),
            (["--config=/dev/null", "--admin_listen=0.0.0.0:1"], {}, 78, "not on loopback"),
        ):
            with self.subTest(arguments=arguments, environment=environment):
                done = run(*arguments, **environment)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn(words, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)


class StartTest(ServerTest):
    def test_bad_policy(self):
        rule = "  - {name: many, about: many, when: card.cuont_1h > 1, then: {score: 1}}\n"
        self.write_policy("rules/velocity.yaml", "rules:\n" + rule)
        server = self.server().spawn()
        where = f"rules/velocity.yaml:2:{rule.index('card.cuont_1h') + 1}:"
        self.assert_ends(server, 78, where, 'did you mean "card.count_1h"?', rule.strip(), "^")
        self.assertFalse(os.path.exists(os.path.join(self.folder, "data", "archive")))

    def test_check_only_looks(self):
        done = run("--config=/dev/null", f"--policy={self.folder}/policy", f"--data_dir={self.folder}/data", "--check")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.write_policy("rules/velocity.yaml", "rules: 7\n")
        done = run("--config=/dev/null", f"--policy={self.folder}/policy", f"--data_dir={self.folder}/data", "--check")
        self.assertEqual(done.returncode, 78)
        self.assertIn("rules/velocity.yaml:1:", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "data")))

    def test_missing_policy(self):
        server = self.server("--policy=/nowhere").spawn()
        self.assert_ends(server, 78, "/nowhere", "No such file")

    def test_socket_that_cannot_be_made(self):
        server = self.server()
        server.address = f"ipc://{self.folder}/nowhere/sock"
        server.spawn()
        self.assert_ends(server, 73, f"cannot create {self.folder}/nowhere/sock.lock")

    def test_data_dir_that_cannot_be_made(self):
        server = self.server(f"--data_dir={self.folder}/policy/policy.yaml/x").spawn()
        self.assert_ends(server, 73, "cannot create data_dir", "Not a directory")

    def test_default_of_overlay_limit(self):
        """The log names it and why; the metric has it."""
        share = int(re.search(r"auto:\s+(\d+) %", run("--help").stdout)[1])
        server = self.server().start()
        said = re.search(r"overlay_limit = auto: (\d+) MiB, (\d+) % of (\d+) MiB, (.*?)\"?\n", server.said())
        self.assertIsNotNone(said, server.said())
        memory, reason = memory_limit()
        limit = server.metric("harrierd_overlay_limit_bytes")
        self.assertEqual((int(said[2]), int(said[3]), said[4]), (share, memory >> 20, reason))
        self.assertEqual(int(said[1]), int(limit) >> 20)
        self.assertAlmostEqual(limit / memory, share / 100, places=6)
        self.assertEqual(server.stop(), 0)
        for value, expected in (("0", 0), ("3GiB", 3 << 30), ("auto", limit)):
            server = self.server(f"--overlay_limit={value}", name=value).start()
            self.assertEqual(server.metric("harrierd_overlay_limit_bytes"), expected)
            self.assertEqual("overlay_limit" in server.said(), value == "auto")
            self.assertEqual(server.stop(), 0)
        server = self.server("--overlay_limit=most", name="most").spawn()
        self.assert_ends(server, 64, "overlay_limit cannot be \"most\"", "or auto")

    def test_second_server_on_the_same_archive(self):
        first = self.server().start()
        second = self.server(name="second").spawn()
        self.assert_ends(second, 75, "archive", "another process")
        self.assertEqual(first.status()["state"], "ready")

    def test_second_server_on_the_same_address(self):
        first = self.server().start()
        with first.connect() as connection:
            connection.score([transaction(1)])
        second = self.server(f"--data_dir={self.folder}/other").spawn()
        self.assert_ends(second, 75, "another server listens on", "harrierd.sock.lock")
        self.assertEqual(first.status()["transactions"], 1)
        self.assertEqual(first.stop(), 0)
        third = self.server(f"--data_dir={self.folder}/other").start()  # the lock ended with its holder
        self.assertEqual(third.status().get("transactions", 0), 0)

    def test_second_server_on_the_same_port(self):
        first = self.server("--listen=tcp://127.0.0.1:0").start()
        second = self.server(
            f"--data_dir={self.folder}/other", f"--admin_listen=127.0.0.1:{first.admin_port}", name="second"
        ).spawn()
        self.assert_ends(second, 75, f"http://127.0.0.1:{first.admin_port}", "in use")

    def test_tcp(self):
        server = self.server()
        server.address = f"tcp://127.0.0.1:{free_port()}"
        server.start()
        with server.connect() as connection:
            self.assertIn("decision", connection.score([transaction(1)])[0])


if __name__ == "__main__":
    unittest.main()
