#!/usr/bin/env python3
"""The built page as C: what console/page/page.h declares.

usage: embed.py OUT.c FILE...        each FILE becomes /NAME
"""

import hashlib
import os
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def array_of(content):
    lines = [content[at : at + 20] for at in range(0, len(content), 20)]
    return "".join("    " + "".join(f"{byte}," for byte in line) + "\n" for line in lines)


def main(arguments):
    target, *paths = arguments
    rows = []
    with open(target, "w", encoding="ascii") as out:
        out.write('#include "console/page/page.h"\n\n#include <string.h>\n\n')
        for number, path in enumerate(paths):
            with open(path, "rb") as file:
                content = file.read()
            name = os.path.basename(path)
            digest = hashlib.sha256(content).hexdigest()[:16]
            out.write(f"static const unsigned char file_{number}[] = {{\n{array_of(content)}}};\n\n")
            kind = TYPES[os.path.splitext(name)[1]]
            rows.append(f'    {{"/{name}", "{kind}", "\\"{digest}\\"", file_{number}, sizeof file_{number}}},\n')
        out.write("static const struct page_file files[] = {\n" + "".join(rows) + "};\n\n")
        out.write("const struct page_file *page_find(const char *path) {\n")
        out.write("    for (size_t i = 0; i < sizeof files / sizeof *files; i++)\n")
        out.write("        if (strcmp(files[i].path, path) == 0)\n            return &files[i];\n")
        out.write("    return NULL;\n}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
