"""The Markdown of docs/ as man(7): paragraphs, lists, tables, code, and within a line code, emphasis and links. What else
Markdown has, docs/ does not use; a line that begins like it is refused rather than printed as it is."""
import re

LINK = re.compile(r"\[([^\]\[]+)\]\(([^()\s]+)\)")
MARKED = re.compile(r"(`[^`]+`|\*\*.+?\*\*|(?<![\w*])\*[^*\s](?:[^*]*[^*\s])?\*(?!\w))")


def escape(text):
    """A text without marks, as words within a line."""
    return text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti")


def guard(line):
    """A line of text must not look like a request."""
    return "\\&" + line if line[:1] in (".", "'") else line


def _link(found):
    text, target = found[1], found[2]
    page = re.match(r"(?:\.\./)*(?:docs/)?([A-Z]+\.md)", target)
    return text if target.startswith("#") or not page or page[1] in text else f"{text} ({page[1]})"


def inline(text):
    text = LINK.sub(_link, text)
    parts = []
    for part in MARKED.split(text):
        if part.startswith("`") and part.endswith("`") and len(part) > 2:
            parts.append(f"\\fB{escape(part[1:-1])}\\fR")
        elif part.startswith("**") and len(part) > 4:
            parts.append(f"\\fB{inline(part[2:-2])}\\fR".replace("\\fR\\fR", "\\fR"))
        elif part.startswith("*") and part.endswith("*") and len(part) > 2:
            parts.append(f"\\fI{escape(part[1:-1])}\\fR")
        else:
            parts.append(escape(part))
    return "".join(parts)


def code(lines):
    shown = [guard(escape(line)) if line else "" for line in lines]
    return [".PP", ".RS 4", ".nf", *shown, ".fi", ".RE"]


def cells(line):
    line = re.sub(r"^\||\|$", "", line.strip())
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)]


def table(lines):
    """A row is a paragraph: its first cell, then the others, from the third on with the column's heading."""
    head, out = cells(lines[0]), []
    for row in map(cells, lines[2:]):
        rest = [cell if i == 1 or i >= len(head) or not head[i] else f"{head[i]}: {cell}"
                for i, cell in enumerate(row) if i > 0 and cell]
        rest = [cell if cell[-1:] in ".!?" else cell + "." for cell in rest]
        out += [".TP", guard(inline(row[0]) if "`" in row[0] else f"\\fB{inline(row[0])}\\fR" if row[0] else "\\ "),
                guard(inline(" ".join(rest)))]
    return out


def blocks(text):
    """Kind and lines of each: code, table, item, heading, text."""
    lines, at = text.splitlines(), 0
    while at < len(lines):
        line = lines[at]
        begin = at
        if not line.strip() or line.startswith("<!--"):
            at += 1
            continue
        if line.lstrip().startswith("```"):
            at = next(i for i in range(at + 1, len(lines)) if lines[i].lstrip().startswith("```"))
            indent = len(line) - len(line.lstrip())
            yield "code", [row[indent:] for row in lines[begin + 1 : at]]
            at += 1
        elif line.startswith("    "):
            while at < len(lines) and (lines[at].startswith("    ") or not lines[at].strip()):
                at += 1
            shown = [row[4:] for row in lines[begin:at]]
            while shown and not shown[-1]:
                shown.pop()
            yield "code", shown
        elif line.startswith("|"):
            while at < len(lines) and lines[at].startswith("|"):
                at += 1
            yield "table", lines[begin:at]
        elif found := re.match(r"^#{2,4} (.+)$", line):
            at += 1
            yield "heading", [found[1]]
        else:
            item = re.match(r"^ *(?:[-*]|(\d+)\.) +", line)
            at += 1
            while at < len(lines) and lines[at].strip() and not re.match(r"^(?:\||#| *```| *(?:[-*]|\d+\.) )", lines[at]):
                at += 1
            words = " ".join([line[item.end() :] if item else line, *map(str.strip, lines[begin + 1 : at])])
            if re.match(r"^(?:#|>|!\[|<)", words):
                raise ValueError(f"Markdown that is not known here: {words[:80]}")
            yield (f"item {item[1] or ''}" if item else "text"), [words]


def roff(text):
    """The lines of the page."""
    out = []
    for kind, lines in blocks(text):
        if kind == "code":
            out += code(lines)
        elif kind == "table":
            out += table(lines)
        elif kind == "heading":
            out += [".SS " + inline(lines[0])]
        elif kind.startswith("item"):
            number = kind[5:]
            out += [f'.IP "{number}." 4' if number else ".IP \\(bu 2", guard(inline(lines[0]))]
        else:
            out += [".PP", guard(inline(lines[0]))]
    return out
