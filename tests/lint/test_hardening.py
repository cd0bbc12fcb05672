#!/usr/bin/env python3
"""hardening.py finds each part that is missing: a small program is built with all parts, then without each."""
import os
import shutil
import subprocess
import tempfile
import unittest

import hardening

# Enough functions for LANDINGS_LEAST, a large frame, and a call that the C library checks.
SOURCE = """
#include <stdio.h>
#include <string.h>
#ifdef WRITABLE_CODE
__asm__(".pushsection .writable_code, \\"awx\\", @progbits\\n .byte 0\\n .popsection");
#endif
""" + "".join(f"int f{i}(int x) {{ return x + {i}; }}\n" for i in range(hardening.LANDINGS_LEAST)) + """
int main(int argc, char **argv) {
    char frame[65536];
    snprintf(frame, sizeof frame, "%s %d", argv[0], f1(argc));
    strcpy(frame + 1, argv[argc - 1]);
    return (int)strlen(frame);
}
"""
ALL = ["-O2", "-fPIE", "-pie", "-fstack-protector-strong", "-fstack-clash-protection", "-U_FORTIFY_SOURCE",
       "-D_FORTIFY_SOURCE=2", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack"]
BRANCHES = {"x86_64": "-fcf-protection=full", "aarch64": "-mbranch-protection=standard"}.get(os.uname().machine)
# Part: what is put in place of the flags that give it.
WITHOUT = {
    "pie": (["-fPIE", "-pie"], ["-no-pie", "-fno-pie"]),
    "relro": (["-Wl,-z,relro"], ["-Wl,-z,norelro"]),
    "now": (["-Wl,-z,now"], ["-Wl,-z,lazy"]),
    "stack": (["-Wl,-z,noexecstack"], ["-Wl,-z,execstack"]),
    "code": ([], ["-DWRITABLE_CODE"]),
    "protector": (["-fstack-protector-strong"], ["-fno-stack-protector"]),
    "fortify": (["-D_FORTIFY_SOURCE=2"], []),
    "clash": (["-fstack-clash-protection"], ["-fno-stack-clash-protection"]),
    "branches": ([BRANCHES], ["-fcf-protection=none" if BRANCHES == "-fcf-protection=full" else "-mbranch-protection=none"]),
}


@unittest.skipUnless(shutil.which("cc") and shutil.which("readelf") and shutil.which("objdump") and BRANCHES, "no tools")
class HardeningTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="harrier-hardening-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.source = os.path.join(self.folder, "program.c")
        with open(self.source, "w", encoding="utf-8") as file:
            file.write(SOURCE)

    def faults(self, flags):
        program = os.path.join(self.folder, "program")
        subprocess.run(["cc", *flags, self.source, "-o", program], check=True, capture_output=True)
        return {fault.rpartition("[")[2].rstrip("]") for fault in hardening.faults_of(hardening.Binary(program))}

    def test_all_parts(self):
        self.assertEqual(self.faults([*ALL, BRANCHES]), set())

    def test_each_part(self):
        for part, (flags, instead) in WITHOUT.items():
            with self.subTest(part):
                self.assertEqual(self.faults([flag for flag in [*ALL, BRANCHES] if flag not in flags] + instead), {part})

    def test_a_part_that_is_not_asked_for(self):
        program = os.path.join(self.folder, "program")
        subprocess.run(["cc", "-O2", self.source, "-o", program, "-fcf-protection=none"], check=True, capture_output=True)
        names = [name for name, _, _ in hardening.PARTS]
        self.assertEqual(hardening.faults_of(hardening.Binary(program), names), [])

    def test_all_are_tried(self):
        self.assertEqual({name for name, _, _ in hardening.PARTS}, set(WITHOUT))


if __name__ == "__main__":
    unittest.main()
