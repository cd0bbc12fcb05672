#!/usr/bin/env python3
"""The files that operators install: do they name what there is?

  - the units pass `systemd-analyze verify` (where there is one), and their exposure is at most 2.0
  - the commands in units, in the cron line and in containers are options that the program knows
  - Compose and Kubernetes set options that harrierd has

usage: deploy.py SOURCE_ROOT HARRIER HARRIERD
"""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile


def check_command(where, command, harrier):
    """The options of a harrier command are those of its --help."""
    words = shlex.split(command)
    while words and os.path.basename(words[0]) != "harrier":
        words.pop(0)
    while len(words) > 1 and os.path.basename(words[1]) == "harrier":
        words.pop(0)  # cron: the user of the same name
    if len(words) < 2:
        return [f"{where}: {command!r} calls no harrier command"]
    shown = subprocess.run([harrier, words[1], "--help"], capture_output=True, text=True, check=False)
    if shown.returncode != 0:
        return [f"{where}: there is no command {words[1]}"]
    known = set(re.findall(r"--[a-z-]+", shown.stdout))
    return [f"{where}: {words[1]} has no option {word.split('=')[0]}"
            for word in words[2:] if word.startswith("--") and word.split("=")[0] not in known]


def options_of(harrierd):
    shown = subprocess.run([harrierd, "--print-config"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^#?([a-z_0-9]+) =", shown, flags=re.M))


def check_options(where, text, options):
    """HARRIERD_NAME in an environment, and lines `name = value` of a configuration file inside a ConfigMap."""
    names = [name.lower() for name in re.findall(r"\bHARRIERD_([A-Z_0-9]+)", text)]
    names += re.findall(r"^ +([a-z_0-9]+) = ", text, flags=re.M)
    return [f"{where}: harrierd has no option {name}" for name in names if name not in options]


def check_nights(where, text, harrier):
    """`[…nightly, --once, --option, …]`: the script passes them on to harrier night, but for the first."""
    faults = []
    for rest in re.findall(r"\[\S*nightly(.*?)\]", text):
        faults += check_command(where, "harrier night " + rest.replace(",", " ").replace(" --once ", " "), harrier)
    return faults


# What only later versions know, and earlier ones pass over: from systemd 254.
TOO_NEW = re.compile(r"Unknown key( name)? 'Restart(Steps|MaxDelaySec)'")


def check_units(folder, units, programs):
    """systemd-analyze, on copies whose programs are there and whose user is."""
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        return []
    faults = []
    with tempfile.TemporaryDirectory(prefix="harrier-units-") as scratch:
        paths = []
        for unit in units:
            with open(os.path.join(folder, unit), encoding="utf-8") as file:
                text = file.read()
            for installed, built in programs.items():
                text = text.replace(installed, built)
            text = re.sub(r"^(User|Group)=.*$", r"\1=root", text, flags=re.M)
            paths.append(os.path.join(scratch, unit))
            with open(paths[-1], "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run([analyze, "verify", "--man=no", *paths], capture_output=True, text=True, check=False)
        for line in done.stderr.splitlines():
            if TOO_NEW.search(line):
                continue
            if any(unit in line for unit in units):  # others' units are not ours to judge
                faults.append(line.replace(scratch + "/", ""))
    return faults


EXPOSURE_MAX = 2.0


def check_exposure(folder, units):
    """`systemd-analyze security` of files; systemd before 250 cannot."""
    analyze = shutil.which("systemd-analyze")
    faults = []
    for unit in units if analyze else []:
        done = subprocess.run([analyze, "security", "--offline=true", "--no-pager", os.path.join(folder, unit)],
                              capture_output=True, text=True, check=False)
        found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
        if found and float(found[1]) > EXPOSURE_MAX:
            faults.append(f"{unit}: systemd-analyze security says {found[1]}; expected at most {EXPOSURE_MAX}")
    return faults


def check(root, harrier, harrierd):
    folder = os.path.join(root, "deploy")

    def read(*path):
        with open(os.path.join(root, *path), encoding="utf-8") as file:
            return file.read()

    faults = []
    units = ["harrier-night.service", "harrier-night-failed.service", "harrier-backup.service"]
    for unit in units:
        for line in read("deploy", unit).splitlines():
            if line.startswith("ExecStart="):
                faults += check_command(unit, line[len("ExecStart=") :], harrier)
    for line in read("deploy", "harrier-night.cron").splitlines():
        if re.match(r"[0-9*]", line):
            faults += check_command("harrier-night.cron", " ".join(line.split()[6:]), harrier)
    script = re.search(r"^ *(harrier night .*?) \"", read("deploy", "nightly"), flags=re.M)
    faults += check_command("nightly", script.group(1) if script else "", harrier)
    options = options_of(harrierd)
    containers = sorted(
        os.path.relpath(os.path.join(where, name), folder)
        for part in ("compose", "kubernetes") for where, _, names in os.walk(os.path.join(folder, part)) for name in names)
    for name in containers:
        text = read("deploy", name)
        faults += check_options(name, text, options) + check_nights(name, text, harrier)
    units += ["harrierd.service", "harrier-console.service"]
    faults += check_exposure(folder, units)
    units += ["harrier-night.timer", "harrier-backup.timer"]
    # The console is not built everywhere: another program stands for it.
    programs = {"/usr/sbin/harrierd": harrierd, "/usr/bin/harrier-console": harrier, "/usr/bin/harrier": harrier}
    faults += check_units(folder, units, programs)
    return faults


if __name__ == "__main__":
    FAULTS = check(*(os.path.abspath(path) for path in sys.argv[1:4]))
    print("\n".join(FAULTS) or "deploy/ names what there is")
    sys.exit(1 if FAULTS else 0)
