#!/usr/bin/env python3
"""proto/openapi.yaml as C: what server/front/openapi.h declares.

usage: embed_openapi.py IN.yaml OUT.c
"""

import sys


def literal(line):
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?") + '\\n"'


def main(arguments):
    source, target = arguments
    with open(source, encoding="ascii") as text:
        lines = text.read().splitlines()
    with open(target, "w", encoding="ascii") as out:
        out.write('#include "server/front/openapi.h"\n\nstatic const char text[] =\n')
        out.writelines(f"    {literal(line)}\n" for line in lines)
        out.write(";\n\nstruct text openapi_text(void) {\n")
        out.write("    return (struct text){.data = text, .length = sizeof text - 1};\n}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
