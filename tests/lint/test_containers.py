#!/usr/bin/env python3
"""containers.py finds what is broken: each promise is broken in a copy of the files, one after the other."""
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import containers  # noqa: E402

DEPLOY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy")
SINGLE = "kubernetes/single/"


class ContainersTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="harrier-containers-")
        self.addCleanup(shutil.rmtree, self.scratch)
        self.root = os.path.join(self.scratch, "deploy")
        shutil.copytree(DEPLOY, self.root)

    def broken(self, name, old, new):
        path = os.path.join(self.root, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
        faults = containers.check(self.root)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return "\n".join(faults)

    def test_the_files_are_good(self):
        self.assertEqual(containers.check(self.root), [])

    def test_dockerfile(self):
        self.assertIn("runs as root", self.broken("Dockerfile", "USER 7730:7730", "USER 0"))
        self.assertIn("single stage", self.broken("Dockerfile", "FROM debian:trixie-slim AS build", "# none"))

    @unittest.skipUnless(containers.yaml, "python3-yaml is not installed")
    def test_what_each_promise_finds(self):
        for name, old, new, words in (
            (SINGLE + "statefulset.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "may run as root"),
            (SINGLE + "statefulset.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "be written"),
            (SINGLE + "statefulset.yaml", "drop: [ALL]", "drop: [KILL]", "has capabilities"),
            (SINGLE + "statefulset.yaml", "7732/readyz", "7732/livez", "does not ask for /readyz"),
            (SINGLE + "statefulset.yaml", "livenessProbe", "startupProbe", "does not ask for /livez"),
            (SINGLE + "statefulset.yaml", "        name: data\n", "        name: disk\n", "makes the claim data-harrier-0"),
            (SINGLE + "statefulset.yaml", "component: server}\n    spec", "component: x}\n    spec", "selects its pods"),
            (SINGLE + "cronjob.yaml", "Policy: Forbid", "Policy: Allow", "two nights"),
            (SINGLE + "cronjob.yaml", "runAsUser: 7730", "runAsUser: 0", "may run as root"),
            (SINGLE + "cronjob.yaml", "      backoffLimit: 3\n", "", "limit on attempts"),
            (SINGLE + "service.yaml", "component: server", "component: night", "selects no pods"),
            (SINGLE + "kustomization.yaml", ", cronjob.yaml", "", "there are"),
            ("kubernetes/poddisruptionbudget.yaml", "name: harrier}\n", "name: other}\n", "PodDisruptionBudget"),
            ("compose/single.yaml", '"127.0.0.1:7731:7731"', '"7731:7731"', "beyond loopback"),
            ("compose/single.yaml", "read_only: true", "read_only: false", "can be written"),
        ):
            with self.subTest(name=name, new=new):
                self.assertIn(words, self.broken(name, old, new))


if __name__ == "__main__":
    unittest.main()
