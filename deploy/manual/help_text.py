"""What the programs say of themselves with --help: the options, groups and texts that the manual pages and the shell
completion are made of."""
import dataclasses
import re
import subprocess

OPTION = re.compile(r"^ {2,6}(?:-(?P<letter>[A-Za-z?]), )?(?P<name>--[a-z][a-z0-9-]*)(?P<value>\[?=\S+)?(?:\s+(?P<text>\S.*))?$")
TEXT_COLUMN = 20  # the text of an option that goes on begins beyond it


@dataclasses.dataclass
class Option:
    name: str  # "--limit"
    letter: str  # "n", or ""
    value: str  # "=N", "[=N]", or ""
    text: str
    group: str


@dataclasses.dataclass
class Help:
    """A command of argp: its lines of usage without "Usage:", what stands before its options and after them."""

    usage: list
    about: str
    options: list
    after: str


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def parse(text):
    """argp's --help. Paragraphs before the options and behind them keep their lines."""
    usage, about, options, after = [], [], [], []
    group = ""
    for line in text.splitlines():
        option = OPTION.match(line)
        heading = re.match(r"^ (\S.*):$", line)
        if not options and not option and (found := re.match(r"^(?:Usage:|  or:) +(.*)$", line)):
            usage.append(found[1])
        elif option:
            options.append(Option(option["name"], option["letter"] or "", option["value"] or "", option["text"] or "", group))
        elif heading:
            group = heading[1]
        elif options and not after and len(line) - len(line.lstrip()) >= TEXT_COLUMN:
            options[-1].text = f"{options[-1].text} {line.strip()}".strip()
        elif options and (line.strip() or after):
            after.append(line)
        elif not options:
            about.append(line)
    if not usage or not options:
        raise ValueError(f"no usage or no options in: {text[:200]}")
    return Help(usage, "\n".join(about).strip(), options, "\n".join(after).strip())


def commands(harrier):
    """Names of harrier's commands and what each is for, in the order of `harrier help`."""
    found = re.findall(r"^  ([a-z]+) +(\w.*)$", run(harrier, "--help"), re.MULTILINE)
    return {name: text for name, text in found if name != "help"}


@dataclasses.dataclass
class Setting:
    """An option of harrierd, as --help and --print-config name it."""

    name: str
    default: str
    text: str
    group: str


def server_options(harrierd):
    """The options of the command line alone, and those that a configuration file may have, too."""
    flags, settings, group, last = [], [], "", None
    for line in run(harrierd, "--help").splitlines():
        if found := re.match(r"^  (--[a-z_-]+)(?:=(.*))?$", line):
            last = Setting(found[1], found[2] or "", "", group)
            (settings if group else flags).append(last)
        elif found := re.match(r"^([A-Z].*):$", line):
            group, last = found[1], None
        elif line.startswith("        ") and last:
            last.text = f"{last.text} {line.strip()}".strip()
        elif line and not line.startswith(" "):
            last = None
    if not flags or not settings:
        raise ValueError("harrierd --help has no options")
    return flags, settings
