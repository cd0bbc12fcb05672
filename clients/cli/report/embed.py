#!/usr/bin/env python3
"""Makes a report page one text: page.html, or night.html, with the style and the scripts in it, as C arrays.

The scripts are ES modules, so that editors and checkers understand them one by one. Here they
become one inline module: imports go, `export` goes, and a name that two of them declare is an
error, as it would be in a module. The Content-Security-Policy names the hashes of that module and
of the style, so that a browser runs nothing else, whatever the report holds.

page.html is cut at its {{slots}}, which are filled when a report is written; the array page_N is
what stands before slot N.

usage: embed.py OUTPUT page.html style.css... script.js...
"""

import base64
import hashlib
import pathlib
import re
import sys

# Filled when a report is written, in the page's order: by report_page.c, night_page.c
SLOTS = {"page.html": ["title", "figures", "report"], "night.html": ["title", "head", "body"]}

IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", re.MULTILINE)
DECLARED = re.compile(r"^(?:export )?(?:function|const|let|class) (\w+)", re.MULTILINE)


def joined_scripts(paths: list[pathlib.Path]) -> str:
    """All scripts as one module; each may import from those before it."""
    owner: dict[str, str] = {}
    seen: set[str] = set()
    parts = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        for imported in IMPORT.findall(text):
            if imported not in seen:
                raise SystemExit(f"{path}: imports {imported}, which does not come before it")
        for name in DECLARED.findall(text):
            if name in owner:
                raise SystemExit(f"{path}: {name} is declared in {owner[name]} too")
            owner[name] = path.name
        text = EXPORT.sub("", IMPORT.sub("", text))
        if re.search(r"^(?:import|export)\b", text, re.MULTILINE):
            raise SystemExit(f"{path}: an import or export of a kind that embed.py does not know")
        parts.append(text.strip() + "\n")
        seen.add(path.name)
    return "\n" + "\n".join(parts)


def hash_source(text: str) -> str:
    """As a Content-Security-Policy names an inline script or style."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def c_array(name: str, text: str) -> str:
    """The text's UTF-8 bytes; numbers, as compilers limit the length of string literals."""
    data = text.encode("utf-8")
    rows = (",".join(map(str, data[i : i + 32])) for i in range(0, len(data), 32))
    return f"static const unsigned char {name}[] = {{\n" + ",\n".join(rows) + "};\n"


def main() -> None:
    """Writes the header that the page's writer includes."""
    output, page_path, *parts = map(pathlib.Path, sys.argv[1:])
    styles = [path for path in parts if path.suffix == ".css"]
    style = "\n" + "\n".join(path.read_text(encoding="utf-8") for path in styles)
    script = joined_scripts([path for path in parts if path.suffix == ".js"])
    for text, end in ((style, "</style"), (script, "</script"), (script, "<!--")):
        if end in text.lower():
            raise SystemExit(f'"{end}" would end the element too early')
    page = page_path.read_text(encoding="utf-8")
    filled = [("style_hash", hash_source(style)), ("style", style)]
    if script.strip():
        filled += [("script_hash", hash_source(script)), ("script", script)]
    for slot, text in filled:
        if page.count("{{" + slot + "}}") != 1:
            raise SystemExit(f"{page_path}: the slot {slot} is there not once")
        page = page.replace("{{" + slot + "}}", text)
    slots = SLOTS[page_path.name]
    pieces = re.split("|".join("{{" + slot + "}}" for slot in slots), page)
    if len(pieces) != len(slots) + 1:
        raise SystemExit(f"{page_path}: the slots {slots} must be there once each")
    arrays = [c_array(f"page_{number}", piece) for number, piece in enumerate(pieces)]
    output.write_text("/* Made by embed.py from the files beside it. */\n" + "\n".join(arrays))


if __name__ == "__main__":
    main()
