#!/usr/bin/env python3
"""The lint of deploy/ can fail."""
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import deploy  # noqa: E402  (found by the line before)


class DeployTest(unittest.TestCase):
    def test_commands(self):
        with tempfile.TemporaryDirectory() as folder:
            fake = os.path.join(folder, "harrier")
            with open(fake, "w", encoding="utf-8") as file:
                file.write('#!/bin/sh\n[ "$1" = rebuild ] || exit 64\necho "  --data=DIR  --quiet"\n')
            os.chmod(fake, 0o755)
            for command in ("/usr/bin/harrier rebuild --data /x", "harrier harrier rebuild --data=/x --quiet"):
                self.assertEqual(deploy.check_command("f", command, fake), [], command)
            for command in ("/usr/bin/harrier rebuld --data /x", "harrier rebuild --date /x", "true"):
                self.assertEqual(len(deploy.check_command("f", command, fake)), 1, command)

    def test_options(self):
        good = "  HARRIERD_NODE: a\n  value: tcp://$(HARRIERD_NODE).x\n    lease = 6s\n"
        self.assertEqual(deploy.check_options("f", good, {"node", "lease"}), [])
        self.assertIn("nod", deploy.check_options("f", good.replace("_NODE:", "_NOD:"), {"node", "lease"})[0])
        self.assertIn("leas", deploy.check_options("f", good.replace("lease", "leas"), {"node", "lease"})[0])

    def test_what_only_later_versions_know(self):
        self.assertTrue(deploy.TOO_NEW.search("a.service:4: Unknown key 'RestartSteps' in section [Service], ignoring."))
        self.assertTrue(deploy.TOO_NEW.search("a.service:4: Unknown key name 'RestartMaxDelaySec' in section 'Service'"))
        self.assertFalse(deploy.TOO_NEW.search("a.service:4: Unknown key 'RestartStep' in section [Service], ignoring."))

    def test_exposure(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("no systemd-analyze")
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy")
        self.assertEqual(deploy.check_exposure(folder, ["harrierd.service"]), [])
        with tempfile.TemporaryDirectory() as scratch:
            with open(os.path.join(scratch, "open.service"), "w", encoding="utf-8") as file:
                file.write("[Service]\nExecStart=/bin/true\n")
            self.assertIn("open.service", "".join(deploy.check_exposure(scratch, ["open.service"])))

    def test_nights(self):
        with tempfile.TemporaryDirectory() as folder:
            fake = os.path.join(folder, "harrier")
            with open(fake, "w", encoding="utf-8") as file:
                file.write('#!/bin/sh\necho "  --memory=SIZE  --quiet"\n')
            os.chmod(fake, 0o755)
            good = "args: [/usr/local/bin/nightly, --quiet, --memory=1GiB]\n"
            self.assertEqual(deploy.check_nights("f", good, fake), [])
            self.assertEqual(len(deploy.check_nights("f", good.replace("quiet", "quite"), fake)), 1)


if __name__ == "__main__":
    unittest.main()
