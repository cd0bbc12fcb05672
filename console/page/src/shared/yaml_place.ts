// Where in a YAML file a place is, read from the lines above it: while a person types, the file is seldom whole.

export interface YamlPlace {
  path: string[]; // of the mapping that the place is in; "-" is an item of a list
  key: string | null; // whose value is being written; null: a key is
  word: string; // what has been written of it, from `begin`
  begin: number; // column
}

interface Line {
  indent: number; // of the key
  key: string | null;
  item: boolean; // begins a list's item
  dash: number; // column of the dash
  value: string;
}

function read(text: string): Line | null {
  const parts = text.match(/^(\s*)((?:- +)*)(?:([\w.$-]+|"[^"]*"|'[^']*')\s*:(?:\s+(.*))?$)?/);
  if (!parts || text.trim() === "" || text.trim().startsWith("#")) return null;
  const [, spaces = "", dashes = "", key, value = ""] = parts;
  return {
    indent: spaces.length + dashes.length,
    key: key === undefined ? null : key.replace(/^["']|["']$/g, ""),
    item: dashes !== "" || /^\s*-$/.test(text),
    dash: spaces.length,
    value,
  };
}

// The keys above a line of this indent, the outermost first.
function pathAbove(lines: string[], indent: number, isItem: boolean): string[] {
  const path: string[] = isItem ? ["-"] : [];
  let least = indent;
  for (let i = lines.length - 1; i >= 0 && (least > 0 || isItem || path.length === 0); i--) {
    const line = read(lines[i] ?? "");
    if (!line) continue;
    if (line.indent < least && line.key !== null && line.dash < least) {
      path.unshift(line.key);
      if (line.item) path.unshift("-");
      least = line.item ? line.dash : line.indent;
    } else if (line.item && line.indent === least) {
      path.unshift("-"); // a key of an item that began above
      least = line.dash;
    } else if (line.dash === least && line.key !== null && !line.item && path[0] === "-") {
      path.unshift(line.key); // a list that is not indented below its key
    }
    if (least === 0 && (line.key === null || !line.item)) break;
  }
  return path;
}

// Inside {…}: the keys on the way, and what is being written.
function insideBraces(text: string): { path: string[]; rest: string; at: number } | null {
  const open: { key: string | null; from: number }[] = [];
  let begin = 0;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const character = text[i] ?? "";
    if (quote) {
      if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if (character === "{" || character === "[") {
      const key = text.slice(begin, i).match(/([\w.]+)\s*:\s*$/)?.[1] ?? (character === "[" ? null : "-");
      open.push({ key: character === "[" ? `${key ?? ""}` : key, from: i });
      begin = i + 1;
    } else if (character === "}" || character === "]") {
      open.pop();
      begin = i + 1;
    } else if (character === ",") begin = i + 1;
  }
  if (open.length === 0) return null;
  return { path: open.flatMap(({ key }) => (key ? [key] : [])), rest: text.slice(begin), at: begin };
}

// lines: those before the place's own. text: of its own line, up to the place.
export function yamlPlace(lines: string[], text: string): YamlPlace {
  const line = read(text);
  const indent = line?.indent ?? text.search(/\S|$/);
  const above = pathAbove(lines, line?.item ? line.dash : indent, line?.item ?? false);
  const braces = insideBraces(text);
  const own = text.match(/^\s*(?:- +)*([\w.$-]+)\s*:\s/);
  if (braces) {
    const path = [...above, ...(own && !braces.path.includes(own[1] ?? "") ? [own[1] ?? ""] : []), ...braces.path];
    const inner = braces.rest.match(/^\s*([\w.]+)\s*:\s+(.*)$/);
    const word = (inner?.[2] ?? braces.rest.trimStart()).match(/[\w.]*$/)?.[0] ?? "";
    return { path: path.filter((key) => key !== ""), key: inner?.[1] ?? null, word, begin: text.length - word.length };
  }
  const word = text.match(/[\w.]*$/)?.[0] ?? "";
  const begin = text.length - word.length;
  if (own) return { path: above, key: own[1] ?? "", word, begin };
  // A line without a key below one that began a text of several lines: it goes on with that.
  const last = above[above.length - 1];
  const starter = [...lines].reverse().find((one) => (read(one)?.indent ?? indent) < indent && read(one)?.key);
  if (last !== undefined && starter && /^[|>]/.test(read(starter)?.value ?? ""))
    return { path: above.slice(0, -1), key: last, word, begin };
  return { path: above, key: null, word, begin };
}
