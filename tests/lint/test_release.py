#!/usr/bin/env python3
"""deploy/release does what its usage says, with a build of small packages in place of the real one, which takes half an
hour: it compares, describes, signs, and what was changed afterwards does not verify. With spdx-tools installed, the bill of
materials is validated by it, too."""
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = sys.argv.pop(1)
try:
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
except ImportError:
    parse_file = None
TOOLS = all(shutil.which(tool) for tool in ("dpkg-deb", "ssh-keygen", "git"))

# Two packages; `salt` makes a build that is not reproducible.
BUILD = """#!/bin/sh
set -e
for name in harrier harrier-console; do
    tree=$1/tree/$name
    mkdir -p "$tree/DEBIAN" "$tree/usr/share/$name"
    printf 'Package: %s\\nVersion: 0.1.0-1\\nArchitecture: amd64\\nMaintainer: M <m@localhost>\\nDepends: libc6 (>= 2.34), %s\\nDescription: a\\n b\\n' \\
        $name "$([ $name = harrier ] && echo 'dpkg | nothing' || echo harrier)" >"$tree/DEBIAN/control"
    echo content >"$tree/usr/share/$name/file"
    [ -z "${SALT-}" ] || date +%N >"$tree/usr/share/$name/salt"
    dpkg-deb --root-owner-group --build "$tree" "$1/${name}_0.1.0-1_amd64.deb"
done
rm -r "$1/tree"
printf 'Format: 1.0\\nInstalled-Build-Depends:\\n gcc-12 (= 12.2.0-14),\\n libc6 (= 2.36-9)\\nEnvironment:\\n A="b"\\n' >"$1/harrier.buildinfo"
"""


@unittest.skipUnless(TOOLS and os.path.exists(os.path.join(ROOT, ".git")), "no dpkg-deb, ssh-keygen or repository")
class ReleaseTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="harrier-release-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.out, self.build = self.path("out"), self.path("build")
        with open(self.build, "w", encoding="utf-8") as file:
            file.write(BUILD)
        os.chmod(self.build, 0o755)
        self.key = self.make_key("key")

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_key(self, name):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path(name)], check=True)
        with open(self.path(name + ".pub"), encoding="ascii") as public, open(self.path(name + ".allowed"), "w", encoding="ascii") as file:
            file.write("releases@harrier " + " ".join(public.read().split()[:2]) + "\n")
        return self.path(name)

    def release(self, *arguments, status=0, **environment):
        done = subprocess.run(
            [os.path.join(ROOT, "deploy", "release"), *arguments], capture_output=True, text=True, check=False,
            env={**os.environ, "RELEASE_BUILD": self.build, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
                 "GIT_CONFIG_VALUE_0": "*", **environment})
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout + done.stderr

    def verify(self, status=0, key="key"):
        return self.release("--verify", self.out, self.path(key + ".allowed"), status=status)

    def test_a_release(self):
        self.release(self.out, self.key)
        self.assertIn("signed by releases@harrier", self.verify())
        bill, = glob.glob(f"{self.out}/*.spdx.json")
        with open(bill, encoding="utf-8") as file:
            document = json.load(file)
        packages = {found["name"]: found for found in document["packages"]}
        with open(f"{self.out}/harrier_0.1.0-1_amd64.deb", "rb") as file:
            self.assertEqual(packages["harrier"]["checksums"][0]["checksumValue"], hashlib.sha256(file.read()).hexdigest())
        self.assertEqual(packages["libc6"]["versionInfo"], "2.36-9")  # of the build, not of this machine
        self.assertEqual(packages["gcc-12"]["versionInfo"], "12.2.0-14")
        self.assertEqual(packages["preact"]["licenseDeclared"], "MIT")
        self.assertNotIn("typescript", packages)  # checks by hand, and is in nothing that is shipped
        links = {(link["spdxElementId"], link["relationshipType"], link["relatedSpdxElement"]) for link in document["relationships"]}
        self.assertLessEqual({
            ("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-harrier"), ("SPDXRef-harrier", "DEPENDS_ON", "SPDXRef-deb-libc6"),
            ("SPDXRef-harrier", "DEPENDS_ON", "SPDXRef-deb-dpkg"), ("SPDXRef-harrier-console", "DEPENDS_ON", "SPDXRef-harrier"),
            ("SPDXRef-deb-gcc-12", "BUILD_DEPENDENCY_OF", "SPDXRef-harrier")}, links)
        known = {"SPDXRef-DOCUMENT", *(found["SPDXID"] for found in document["packages"])}
        self.assertEqual(len(known), len(document["packages"]) + 1)
        self.assertEqual({end for one, _, other in links for end in (one, other)} - known, set())
        if parse_file:
            self.assertEqual(validate_full_spdx_document(parse_file(bill)), [])
        # The same again: the same bytes.
        first, self.out = self.out, self.path("again")
        self.release(self.out, self.key)
        for name in os.listdir(first):
            if not name.endswith(".sig"):
                with open(f"{first}/{name}", "rb") as one, open(f"{self.out}/{name}", "rb") as other:
                    self.assertEqual(one.read(), other.read(), name)

    def test_what_does_not_verify(self):
        self.release(self.out, self.key)
        self.make_key("stranger")
        self.assertIn("by none of the keys", self.verify(1, "stranger"))
        deb = f"{self.out}/harrier_0.1.0-1_amd64.deb"
        with open(deb, "rb") as file:
            before = file.read()
        with open(deb, "ab") as file:
            file.write(b"x")
        self.assertIn("not what was signed", self.verify(1))
        with open(deb, "wb") as file:
            file.write(before)
        self.verify()
        with open(f"{self.out}/extra.deb", "wb"):
            pass
        self.assertIn("extra.deb is not signed", self.verify(1))
        os.remove(f"{self.out}/extra.deb")
        with open(f"{self.out}/SHA256SUMS", "a", encoding="ascii") as file:
            file.write("\n")
        self.assertIn("not what was signed", self.verify(1))

    def test_a_build_that_differs(self):
        said = self.release(self.out, self.key, status=1, SALT="yes")
        self.assertIn("differ in harrier-console_0.1.0-1_amd64.deb harrier_0.1.0-1_amd64.deb", said)
        self.assertFalse(os.path.exists(f"{self.out}/SHA256SUMS"))

    def test_what_is_refused(self):
        self.release(status=64)
        self.assertIn("cannot read the key", self.release(self.out, self.path("none"), status=66))
        os.mkdir(self.out)
        self.assertIn("expected a new folder", self.release(self.out, self.key, status=73))
        self.out = self.path("other")
        self.assertIn("the build failed", self.release(self.out, self.key, status=1, RELEASE_BUILD="false"))


if __name__ == "__main__":
    unittest.main()
