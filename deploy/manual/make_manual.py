#!/usr/bin/env python3
"""Makes the manual pages: man1/harrier.1, a page for each of its commands and for harrier-parquet, man5/harrierd.conf.5,
man8/harrierd.8 and man8/harrier-console.8. Options come from the programs' --help, explanations from docs/.

usage: make_manual.py SOURCE_ROOT OUT VERSION HARRIER HARRIERD [HARRIER_CONSOLE]
OUT gets the folders man1, man5 and man8, which are made anew."""
import os
import re
import shutil
import sys

import help_text
from markdown_roff import code, escape, guard, inline, roff

FILES = [
    ("/etc/harrier/harrierd.conf", "the server's options, harrierd.conf(5)"),
    ("/etc/harrier/policy", "the policy that decides"),
    ("/var/lib/harrier", "archive, tables and reports of nights"),
]


def sections(path):
    """The first part, then each section by its heading."""
    with open(path, encoding="utf-8") as file:
        parts = re.split(r"^## (.+)$", file.read(), flags=re.MULTILINE)
    found = {"": re.sub(r"^# .+\n", "", parts[0], count=1)}
    found.update(zip(parts[1::2], parts[2::2]))
    return found


class Page:
    def __init__(self, name, section, about, version):
        self.name, self.section = name, section
        self.lines = [".\\\" Made by deploy/manual/make_manual.py.",
                      f'.TH {name.upper()} {section} "" "Harrier {version}" "Harrier"', ".nh", ".ad l",
                      ".SH NAME", f"{escape(name)} \\- {escape(about)}"]  # fmt: skip

    def add(self, title, lines):
        if lines:
            self.lines += [".SH " + title.upper(), *lines]

    def add_markdown(self, title, text):
        self.add(title, roff(text))

    def add_references(self, names):
        self.add("See also", [",\n".join(f"\\fB{escape(name)}\\fR({number})" for name, number in names)])

    def write(self, folder):
        place = os.path.join(folder, f"man{self.section}")
        os.makedirs(place, exist_ok=True)
        with open(os.path.join(place, f"{self.name}.{self.section}"), "w", encoding="utf-8") as out:
            out.write("\n".join(self.lines) + "\n")


def synopsis(usage):
    out = []
    for line in usage:
        program, _, rest = line.partition(" [OPTION")
        out += [".PP" if not out else ".br", f"\\fB{escape(program)}\\fR" + (escape(f" [OPTION{rest}") if rest else "")]
    return out


def option_lines(options):
    out, group = [], ""
    for option in options:
        if option.group != group:
            group = option.group
            out += [".SS " + escape(group)]
        letter = f"\\fB\\-{option.letter}\\fR, " if option.letter else ""
        value = re.sub(r"([A-Z][A-Z_]*)", r"\\fI\1\\fR", escape(option.value)) if option.value else ""
        out += [".TP", f"{letter}\\fB{escape(option.name)}\\fR{value}", guard(inline(option.text)) or "\\&"]
    return out


def paragraphs(text):
    out = []
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.strip():
            out += [".PP", guard(inline(" ".join(paragraph.split())))]
    return out


def command_page(harrier, name, about, manual, version):
    said = help_text.parse(help_text.run(harrier, name, "--help"))
    page = Page(f"harrier-{name}", 1, about, version)
    page.add("Synopsis", synopsis(said.usage))
    page.add("Description", paragraphs(said.about))
    page.add("Options", option_lines(said.options) + paragraphs(said.after))
    page.add_markdown("Use", manual[name])
    page.add_references([("harrier", 1), ("harrierd", 8)])
    return page


def harrier_page(commands, manual, version):
    page = Page("harrier", 1, "score transactions, rebuild tables, replay and explain decisions", version)
    page.add("Synopsis", [".PP", "\\fBharrier\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]"])
    intro = manual[""].split("| command |")
    after = re.sub(r"^(\|.*\n)+", "", "| command |" + intro[1])
    page.add_markdown("Description", intro[0] + after)
    lines = []
    for name, about in commands.items():
        lines += [".TP", f"\\fBharrier\\-{name}\\fR(1)", guard(escape(about))]
    page.add("Commands", lines)
    for title, text in manual.items():
        if title and title not in commands:
            page.add_markdown(title, text)
    page.add_references([("harrierd", 8), ("harrierd.conf", 5)])
    return page


def file_lines(files):
    out = []
    for path, about in files:
        out += [".TP", f"\\fI{escape(path)}\\fR", guard(escape(about))]
    return out


def setting_lines(settings, form):
    out, group = [], ""
    for setting in settings:
        if setting.group != group:
            group = setting.group
            out += [".SS " + escape(group)]
        out += [".TP", form(setting), guard(inline(setting.text)) or "\\&"]
    return out


def as_flag(setting):
    return f"\\fB{escape(setting.name)}\\fR" + (f"=\\fI{escape(setting.default)}\\fR" if setting.default else "")


def as_line(setting):
    default = setting.default.strip('"')
    return f"\\fB{escape(setting.name.lstrip('-'))}\\fR = \\fI{escape(default)}\\fR" if default else \
        f"\\fB{escape(setting.name.lstrip('-'))}\\fR ="


def server_pages(root, harrierd, version):
    flags, settings = help_text.server_options(harrierd)
    install = sections(os.path.join(root, "docs/operations/install.md"))
    troubleshooting = sections(os.path.join(root, "docs/operations/troubleshooting.md"))
    commands = sections(os.path.join(root, "docs/OPERATIONS.md"))[""].split("| task |")[0]
    page = Page("harrierd", 8, "score transactions for fraud", version)
    page.add("Synopsis", [".PP", "\\fBharrierd\\fR [\\fB\\-\\-config\\fR=\\fIFILE\\fR] [\\fB\\-\\-OPTION\\fR=\\fIVALUE\\fR]..."])
    page.add_markdown("Description", commands + install["Options"])
    page.add("Options", setting_lines(flags, as_flag) + setting_lines(settings, as_flag))
    page.add_markdown("Exit status", troubleshooting["Exit status"])
    page.add_markdown("Signals", install["Signals"])
    page.add("Files", file_lines(FILES))
    page.add_references([("harrierd.conf", 5), ("harrier", 1), ("harrier-night", 1)])
    conf = Page("harrierd.conf", 5, "options of harrierd", version)
    conf.add("Description", [
        ".PP",
        "Lines \\fIoption\\fR = \\fIvalue\\fR; a line that begins with # is a comment. An environment variable "
        "HARRIERD_\\fINAME\\fR or a flag \\-\\-\\fIname\\fR overrides the file.",
        "Durations: 500us, 5ms, 30s, 10m, 1h, 1d. Sizes: 4096, 64KiB, 2MiB. "
        "[SIGHUP]: loaded again on that signal. Each option is shown with its default."])  # fmt: skip
    conf.add("Options", setting_lines(settings, as_line))
    conf.add("Example", code(["listen = tcp://127.0.0.1:7731, ipc:///run/harrier/harrier.sock", "durability = synced"]))
    conf.add_references([("harrierd", 8)])
    return [page, conf]


def parquet_page(version):
    page = Page("harrier-parquet", 1, "writes Parquet for harrier", version)
    page.add("Description", paragraphs(
        "Started by `harrier replay --features FILE.parquet` and `harrier export --out FILE.parquet`, which pass rows to it; "
        "it is not called by hand. It needs Python 3 with pyarrow."))  # fmt: skip
    page.add_references([("harrier-replay", 1), ("harrier-export", 1)])
    return page


def console_page(root, console, version):
    said = help_text.parse(help_text.run(console, "--help"))
    docs = sections(os.path.join(root, "docs/CONSOLE.md"))
    page = Page("harrier-console", 8, "what harrierd does, and reviews, in a browser", version)
    page.add("Synopsis", synopsis(said.usage))
    page.add_markdown("Description", docs.pop(""))
    page.add("Options", option_lines(said.options) + paragraphs(said.after))
    for title, text in docs.items():
        page.add_markdown(title, text)
    page.add_references([("harrierd", 8), ("harrier", 1)])
    return page


def main():
    root, out, version, harrier, harrierd, *console = sys.argv[1:]
    manual = sections(os.path.join(root, "docs/CLI.md"))
    commands = help_text.commands(harrier)
    pages = [harrier_page(commands, manual, version), parquet_page(version), *server_pages(root, harrierd, version)]
    pages += [command_page(harrier, name, about, manual, version) for name, about in commands.items()]
    pages += [console_page(root, program, version) for program in console]
    for section in (1, 5, 8):
        shutil.rmtree(os.path.join(out, f"man{section}"), ignore_errors=True)
    for page in pages:
        page.write(out)


if __name__ == "__main__":
    main()
