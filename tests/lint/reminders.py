#!/usr/bin/env python3
"""Names the places that a change concerns and that neither compiler nor test would name: docs/EXTENDING.md.

Each file tests/lint/reminders/TOPIC.txt is about one kind of change, and is written for this test:

  list: WHAT FILE PATTERN   a list, as that of aggregates: the pattern's group is the name of a member. `message NAME` in place
                            of a pattern: the fields of this message
  settled: NAME…            the members that are complete
  watch: FILE function()    with its checksum: a function that says what something means, as what a duplicate is; the checksum
                            includes the static functions and macros of this file that it uses, and what those use
  words: PATTERN            files that speak of it are printed, too, with the first such line: comments and manuals promise things
  compiler: FILE function() …   the compiler leads there when an enum gets another value: a switch without default, or the
                            length of a list is asserted
  except: FILE reason       it names all members, but need not name the next one
  FILE function() …         one line for each file, and below them, indented, when it matters and what to do there

A new member must be named in every file that names all settled ones, spelled as they are there. Until it is settled, or
while a watched function is not as it was, all other places are printed, too, and the test fails. When you have looked at
them, write the member behind `settled:`, or let `reminders.py --seen TOPIC` write the new checksums.

usage: reminders.py [ROOT]                  exit status 1 when something is open
       reminders.py --show TOPIC [ROOT]     prints all places of a topic
       reminders.py --seen TOPIC [ROOT]
"""
import hashlib
import os
import re
import sys

TOPICS = "tests/lint/reminders"
ENDINGS = (".c", ".h", ".py", ".md", ".json", ".yaml", ".proto", ".ts", ".tsx", ".mjs", ".js", ".go", ".java", ".dict", ".pml", ".3",
           ".map")  # fmt: skip
# What others are made from, old bytes, and what is not ours.
SKIPPED = re.compile(
    r"(^|/)(\.git|node_modules|build|corpus|golden|_proto|wire/harrier\.pb\.go|target|dist)(/|$)"
    r"|^tests/(cases|lint)/|^clients/typescript/proto/|^clients/go/internal/wire/|^proto/openapi\.yaml|^CHANGELOG"
    r"|^docs/EXTENDING\.md|^deploy/grafana/harrier\.json")  # fmt: skip
PLACE = re.compile(r"^[\w./*-]+\.\w+( \w+\(\))*$|^[\w./-]+/$|^[\w./-]+/\w+$")
INDENT = "  "


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


class List:
    def __init__(self, what, path, pattern):
        self.what, self.path, self.pattern, self.settled = what, path, pattern, []

    def members(self, root):
        text, pattern = read(root, self.path), self.pattern
        if pattern.startswith("message "):
            body = re.search(rf"^{pattern} \{{\n(.*?)^\}}", text, re.MULTILINE | re.DOTALL)
            text, pattern = body[1] if body else "", r"^  (?:repeated |optional )?[\w.]+ (\w+) = \d+"
        return [name.lower() for name in re.findall(pattern, text, re.MULTILINE)]


class Topic:
    """One file of reminders."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        self.words, self.lists, self.watched, self.led, self.excepted, self.places, self.faults = None, [], [], [], set(), [], []
        files = []
        for number, line in enumerate(text.splitlines(), 1):
            word, _, rest = line.partition(": ")
            if line.startswith("#") or not line.strip():
                continue
            if line.startswith(INDENT) and files:
                if self.places and self.places[-1][0] is files:
                    self.places[-1][1].append(line.strip())
                else:
                    self.places.append((files, [line.strip()]))
            elif word == "list":
                self.lists.append(List(*rest.split(" ", 2)))
            elif word == "settled" and self.lists:
                self.lists[-1].settled += rest.split()
            elif word == "watch":
                self.watched.append(rest.split())
            elif word == "words":
                self.words = rest
            elif word == "compiler":
                self.led.append(rest.split())
            elif word == "except":
                self.excepted.add(rest.split()[0])
            elif PLACE.match(line):
                if self.places and self.places[-1][0] is files:
                    files = []
                files.append(line)
            else:
                self.faults.append(f"{TOPICS}/{name}.txt:{number}: neither a place nor a known word: {line}")

    def listing(self):
        for files, text in self.places:
            yield "\n".join(f"  {file}" for file in files) + "\n      " + "\n      ".join(text)


def speaking(topic, texts):
    """The files that speak of what the topic is about, and do not belong to a place already; but not its tests."""
    named = {file.split()[0] for files, _ in topic.places for file in files}
    for path, text in sorted(texts.items()):
        if topic.words and path not in named and not re.search(r"(^|/)tests?/|_test\.go$", path):
            for number, line in enumerate(text.splitlines(), 1):
                if re.search(topic.words, line, re.IGNORECASE):
                    yield f"  {path}:{number}: {line.strip()[:100]}"
                    break


def topics_of(root):
    names = sorted(name[:-4] for name in os.listdir(os.path.join(root, TOPICS)) if name.endswith(".txt"))
    return [Topic(name, read(root, f"{TOPICS}/{name}.txt")) for name in names]


def texts_of(root):
    """path → text of all files that may list something."""
    texts = {}
    for folder, folders, names in os.walk(root):
        if "meson-private" in folders or "pyvenv.cfg" in names:
            folders[:] = []  # what is built is somebody's own
            continue
        at = os.path.relpath(folder, root)
        folders[:] = sorted(one for one in folders if not SKIPPED.search(os.path.normpath(os.path.join(at, one)) + "/"))
        for name in names:
            path = os.path.normpath(os.path.join(at, name))
            if name.endswith(ENDINGS) and not SKIPPED.search(path):
                try:
                    texts[path] = read(root, path)
                except UnicodeDecodeError:
                    pass
    return texts


# ---- lists ----


def spellings(name):
    words = re.split(r"[_ ]", name)
    camel = words[0] + "".join(word.capitalize() for word in words[1:])
    return {"snake": name, "camel": camel, "pascal": camel[:1].upper() + camel[1:], "capitals": name.upper(),
            "words": " ".join(words)}  # fmt: skip


def ways_to_name(name, text):
    """(spelling, what stands before it): ("capitals", "AGGREGATE_"), ("snake", '"'); before "" is nothing in particular."""
    ways = set()
    for way, spelled in spellings(name).items():
        if spelled not in text:
            continue
        for match in re.finditer(rf"([A-Za-z_0-9]*?)(?<![a-z0-9]){re.escape(spelled)}(?![A-Za-z0-9]|_[a-z])", text):
            before = match[1] or text[max(match.start() - 1, 0) : match.start()]
            ways.add((way, before if re.fullmatch(r"\w+_|[\"'`./]", before) else ""))
            ways.add((way, ""))
    return ways


def example(way, name):
    return f"{way[1]}{spellings(name)[way[0]]}"


def lists_in(members, texts, excepted):
    """path → the ways in which a file names all these members, for every file that does."""
    longest_first = sorted(members, key=len, reverse=True)
    for path, text in sorted(texts.items()):
        flat = text.lower().replace("_", "").replace(" ", "")
        if path in excepted or not all(name.replace("_", "") in flat for name in longest_first):
            continue
        ways = ways_to_name(longest_first[0], text)
        for name in longest_first[1:]:
            ways = ways and ways & ways_to_name(name, text)
        if ways:
            ways = {way for way in ways if way[1]} or ways
            # One word is the same in snake case, camel case and as words.
            yield path, set({tuple(example(way, name) for name in members): way for way in sorted(ways, reverse=True)}.values())


def faults_of_list(one, fresh, texts, excepted):
    """A file that names all settled members must name the fresh ones, in each way that it has for all of them."""
    for path, ways in lists_in(one.settled, texts, excepted):
        for name in fresh:
            missing = {example(way, name) for way in ways - ways_to_name(name, texts[path])}
            if missing:
                yield path, f"names every other {one.what}, but not {', '.join(sorted(missing))}"


# ---- functions ----


def function_of(source, name):
    match = re.search(rf"^[A-Za-z][^;\n]*\b{name}\([^;]*?\)\s*\{{.*?^\}}", source, re.MULTILINE | re.DOTALL)
    return match and match[0]


def code_of(text):
    """What the compiler sees: neither comments nor layout change it."""
    return re.sub(r"/\*.*?\*/|\s+", " ", text, flags=re.DOTALL)


def helpers_of(source):
    """name → code of the static functions and the macros of a file."""
    macros = re.findall(r"^#define (\w+)\b(.*(?:\\\n.*)*)", source, re.MULTILINE)
    statics = re.findall(r"^static [^;\n={]*?\b(\w+)\([^;]*?\)\s*\{", source, re.MULTILINE)
    helpers = {name: code_of(body) for name, body in macros}
    return helpers | {name + "()": code_of(function_of(source, name)) for name in statics}


def helpers_used(code, helpers):
    """The names of the helpers that code calls or hands on, and of those that they use. Sorted: their order is no change."""
    used, fresh = set(), [code]
    while fresh:
        words = set(re.findall(r"(?<![.>])\b\w+", fresh.pop()))  # but no members
        found = {name for name in helpers if name.removesuffix("()") in words} - used
        used |= found
        fresh += [helpers[name] for name in found]
    return sorted(used)


def watched_now(topic, root):
    """(path, name, names of its helpers, checksum seen, checksum now) of each watched function; no checksum: it is gone."""
    for path, name, *seen in topic.watched:
        source = read(root, path)
        function, helpers = function_of(source, name[:-2]), helpers_of(source)
        helpers.pop(name, None)
        code = code_of(function) if function else ""
        used = helpers_used(code, helpers)
        whole = "\n".join([code, *(f"{one} {helpers[one]}" for one in used)]).replace(" ", "")
        yield path, name, used, seen[0] if seen else "", hashlib.sha256(whole.encode()).hexdigest()[:12] if function else None


# ---- all of it ----


def check_names(topic, root):
    """The places that a topic names exist."""
    for files, _ in topic.places:
        for place in files:
            path, *functions = place.split()
            if not os.path.exists(os.path.join(root, path)):
                yield f"{TOPICS}/{topic.name}.txt: {path} does not exist"
                continue
            source = read(root, path) if functions else ""
            for function in functions:
                if not re.search(rf"\b{function[:-2]}\b[^;\n]*[({{]", source):
                    yield f"{TOPICS}/{topic.name}.txt: {path} has no {function}"


def check_led(topic, root):
    for path, *functions in topic.led:
        source = read(root, path)
        asserts = re.search(r"\b(_S|s)tatic_assert\(", source)
        if not functions and not asserts:
            yield f"{path}: the compiler does not lead there: it asserts the length of no list"
        for function in functions:
            body = function_of(source, function[:-2])
            if body is None:
                yield f"{TOPICS}/{topic.name}.txt: {path} defines no {function}"
            elif not asserts and ("default:" in body or not re.search(r"\bswitch \(", body)):
                yield f"{path}: the compiler does not lead to {function}: it has no switch without default"


def open_points(topic, root, texts):
    yield from topic.faults
    yield from check_names(topic, root)
    yield from check_led(topic, root)
    reasons, told = [], set()
    for one in topic.lists:
        members = one.members(root)
        fresh = [name for name in members if name not in one.settled]
        if not members:
            yield f"{one.path}: no {one.what} found by: {one.pattern}"
        for name in [name for name in one.settled if name not in members]:
            yield f"{TOPICS}/{topic.name}.txt: there is no {one.what} {name} any more: remove it behind settled:"
        if fresh:
            faults = list(faults_of_list(one, fresh, texts, topic.excepted | told))
            told |= {path for path, _ in faults}
            yield from (f"{path}: {what}" for path, what in faults)
            reasons.append(f"{one.what} {', '.join(fresh)} is new. Look at these places, then write the name behind settled: in "
                           f"{TOPICS}/{topic.name}.txt")  # fmt: skip
    changed = []
    for path, name, used, seen, now in watched_now(topic, root):
        if now is None:
            yield f"{TOPICS}/{topic.name}.txt: {path} defines no {name}"
        elif now != seen:
            changed.append(f"{path} {name}" + (f" with {', '.join(used)}" if used else ""))
    if changed:
        reasons.append(f"{'; '.join(changed)}: changed. If it means something else now, look at these places; then run "
                       f"tests/lint/reminders.py --seen {topic.name}")  # fmt: skip
    if reasons:
        yield "\n".join([*reasons, *topic.listing(), *speaking(topic, texts)])


def show(topic, root):
    texts = texts_of(root)
    for one in topic.lists:
        print(f"Files that name every {one.what}; the first one is written there as:")
        for path, ways in lists_in(one.settled, texts, topic.excepted):
            print(f"  {path}  {', '.join(sorted(example(way, one.settled[0]) for way in ways))}")
    print(*topic.listing(), *speaking(topic, texts), sep="\n")


def write_seen(topic, root):
    text = topic.text
    for path, name, _, _, now in watched_now(topic, root):
        text = re.sub(rf"^(watch: {re.escape(path)} {re.escape(name)}).*$", rf"\g<1> {now}", text, flags=re.MULTILINE)
    with open(os.path.join(root, TOPICS, topic.name + ".txt"), "w", encoding="utf-8") as file:
        file.write(text)


def main(arguments):
    if len(arguments) == 3 and arguments[1] in ("--show", "--seen"):  # ROOT first
        arguments = arguments[1:] + arguments[:1]
    chosen = arguments[1] if arguments[:1] in (["--show"], ["--seen"]) and len(arguments) > 1 else None
    rest = arguments[2:] if chosen else arguments
    if len(rest) > 1 or rest and rest[0].startswith("-"):
        sys.exit(__doc__)
    root = rest[0] if rest else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    topics = topics_of(root)
    if chosen:
        found = [topic for topic in topics if topic.name == chosen]
        if not found:
            sys.exit(f"no topic {chosen}; expected one of {', '.join(topic.name for topic in topics)}")
        if arguments[0] == "--seen":
            write_seen(found[0], root)
        else:
            show(found[0], root)
        return 0
    texts = texts_of(root)
    points = [point for topic in topics for point in open_points(topic, root, texts)]
    print(*points, sep="\n")
    print(f"{len(topics)} topics, {sum(len(topic.places) for topic in topics)} reminders, {len(points)} open", file=sys.stderr)
    return 1 if points or not topics else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
