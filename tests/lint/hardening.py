#!/usr/bin/env python3
"""The hardening of built programs and libraries, read from their bytes: docs/SECURITY.md lists what is looked for.

usage: hardening.py [--optional=NAME,...] FILE...

--optional: parts that the compiler of this build does not have. NAME is one of the names below. Exit status 1 when
something is missing, 77 (skipped) without readelf and objdump.
"""
import re
import shutil
import subprocess
import sys

SKIPPED = 77

# What a fault in the code of another machine is called, by the name of the machine in readelf's header.
X86, ARM = "Advanced Micro Devices X86-64", "AArch64"
# How a function that an indirect call may reach begins: the C library's own start has a few, a program of ours thousands.
LANDING = {X86: r"\tendbr64\b", ARM: r"\t(?:bti|paciasp)\b"}
LANDINGS_LEAST = 100
# What a frame takes at once; with -fstack-clash-protection a page at most, which is then touched.
FRAME = {X86: r"\tsub +\$0x([0-9a-f]{1,8}),%rsp"}
PAGE = 4096


class Binary:
    """What the tools show of a file."""

    def __init__(self, path):
        self.path = path
        self.header = run("readelf", "--wide", "--file-header", path)
        self.segments = run("readelf", "--wide", "--segments", path)
        self.dynamic = run("readelf", "--wide", "--dynamic", path)
        self.symbols = run("readelf", "--wide", "--dyn-syms", path)
        self.code = run("objdump", "--disassemble", "--no-show-raw-insn", "--section=.text", path)
        self.machine = re.search(r"Machine: +(.*)", self.header)[1].strip()

    def is_program(self):
        return "INTERP" in self.segments

    def imports(self, pattern):
        """Names of undefined symbols that match as a whole."""
        names = re.findall(r" UND ([A-Za-z_0-9]+)", self.symbols)
        return [name for name in names if re.fullmatch(pattern, name)]


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"hardening.py: {' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def is_position_independent(binary):
    is_dynamic = re.search(r"Type: +DYN", binary.header) is not None
    return is_dynamic and (not binary.is_program() or re.search(r"FLAGS_1\).*\bPIE\b", binary.dynamic) is not None)


def has_no_executable_stack(binary):
    flags = re.search(r"GNU_STACK( +0x[0-9a-f]+){5} +([RWE ]+?) +0x", binary.segments)
    return flags is not None and "E" not in flags[2]


def has_no_writable_code(binary):
    return not re.search(r"LOAD .* (RWE|WE) ", binary.segments) and "(TEXTREL)" not in binary.dynamic


# The next two are true on machines for which no pattern is known.
def has_landings(binary):
    pattern = LANDING.get(binary.machine)
    return pattern is None or len(re.findall(pattern, binary.code)) >= LANDINGS_LEAST


def has_small_steps(binary):
    pattern = FRAME.get(binary.machine)
    return pattern is None or all(int(size, 16) <= PAGE for size in re.findall(pattern, binary.code))


# Name, what it means if it is missing, and how it is seen.
PARTS = [
    ("pie", "is not position-independent (-fPIE -pie)", is_position_independent),
    ("relro", "has no read-only relocations (-Wl,-z,relro)", lambda b: "GNU_RELRO" in b.segments),
    ("now", "binds its symbols late (-Wl,-z,now)",
     lambda b: re.search(r"\((?:FLAGS|FLAGS_1)\).*\bNOW\b|\(BIND_NOW\)", b.dynamic) is not None),
    ("stack", "has an executable stack (-Wl,-z,noexecstack)", has_no_executable_stack),
    ("code", "has memory that is writable and executable", has_no_writable_code),
    ("protector", "has no canaries on the stack (-fstack-protector-strong)", lambda b: b.imports("__stack_chk_fail")),
    ("fortify", "calls the C library without checks (-D_FORTIFY_SOURCE)", lambda b: b.imports(r"__\w+_chk")),
    ("clash", "does not touch the pages of large frames (-fstack-clash-protection)", has_small_steps),
    ("branches", "does not mark where indirect calls may lead (-fcf-protection, -mbranch-protection)",
     has_landings),
]


def faults_of(binary, optional=()):
    return [f"{binary.path}: {what} [{name}]" for name, what, is_there in PARTS
            if name not in optional and not is_there(binary)]


def main():
    arguments = sys.argv[1:]
    optional = [name for flag in arguments if flag.startswith("--optional=") for name in flag.partition("=")[2].split(",")]
    files = [argument for argument in arguments if not argument.startswith("--")]
    if not files:
        sys.exit(__doc__)
    if not shutil.which("readelf") or not shutil.which("objdump"):
        return SKIPPED
    faults = [fault for path in files for fault in faults_of(Binary(path), optional)]
    for fault in faults:
        print(fault)
    print(f"{len(files)} files, {len(faults)} faults", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
