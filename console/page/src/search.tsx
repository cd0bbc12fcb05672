// Search of the whole archive. The filters are the address, so a search can be shared.
import { useEffect, useState } from "preact/hooks";
import { get, type Found } from "./api";
import { Rows } from "./live";
import { messageOf, Notice } from "./parts";
import { go, usePlace } from "./router";

interface Page {
  found: Found[];
  cursor: string;
  incomplete: boolean;
}

const TEXTS = ["id", "card", "customer", "merchant", "device", "ip", "email", "rule"] as const;

function Filters({ query }: { query: URLSearchParams }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const words = new URLSearchParams();
    for (const [name, value] of new FormData(event.currentTarget as HTMLFormElement))
      if (typeof value === "string" && value.trim() !== "") words.set(name, value.trim());
    for (const name of ["from", "until"]) {
      const value = words.get(name);
      if (value) words.set(name, new Date(value).toISOString());
    }
    go(`/search?${words}`);
  };
  const local = (name: string) => {
    const value = query.get(name);
    if (!value || Number.isNaN(Date.parse(value))) return "";
    const date = new Date(value);
    return new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  };
  return (
    <form class="filters" onSubmit={submit} key={query.toString()}>
      {TEXTS.map((name) => (
        <label key={name}>
          {name} <input name={name} defaultValue={query.get(name) ?? ""} />
        </label>
      ))}
      <label>
        verdict{" "}
        <select name="verdict" defaultValue={query.get("verdict") ?? ""}>
          <option value="">any</option>
          {["approve", "review", "challenge", "decline"].map((verdict) => (
            <option key={verdict} selected={query.get("verdict") === verdict}>
              {verdict}
            </option>
          ))}
        </select>
      </label>
      <label>
        outcome{" "}
        <select name="label" defaultValue={query.get("label") ?? ""}>
          <option value="">any</option>
          {["none", "legit", "fraud", "chargeback", "suspected"].map((label) => (
            <option key={label} selected={query.get("label") === label}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label>
        score from{" "}
        <input name="score_min" type="number" min={0} max={1000} defaultValue={query.get("score_min") ?? ""} />
      </label>
      <label>
        from <input name="from" type="datetime-local" defaultValue={local("from")} />
      </label>
      <label>
        until <input name="until" type="datetime-local" defaultValue={local("until")} />
      </label>
      <button type="submit">Search</button>
    </form>
  );
}

export function SearchScreen() {
  const { query } = usePlace();
  const key = query.toString();
  const [pages, setPages] = useState<{ key: string; found: Found[]; cursor: string } | null>(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  async function load(cursor: string, before: Found[], signal?: AbortSignal) {
    setBusy(true);
    setProblem("");
    try {
      const page = await get<Page>("/api/search", { ...Object.fromEntries(query), cursor }, signal);
      setPages({ key, found: [...before, ...page.found], cursor: page.cursor });
    } catch (reason) {
      if (!signal?.aborted) setProblem(messageOf(reason));
    }
    setBusy(false);
  }
  useEffect(() => {
    const stop = new AbortController();
    setPages(null);
    void load("", [], stop.signal);
    return () => stop.abort();
  }, [key]);

  const found = pages?.found ?? [];
  return (
    <>
      <h1>Search</h1>
      <Filters query={query} />
      {problem && <Notice bad>{problem}</Notice>}
      <Rows rows={found.map((hit) => hit.row)} labels={found.map((hit) => hit.label)} />
      {pages && found.length === 0 && pages.cursor === "" && <p class="muted">No transaction fits.</p>}
      {busy && <p class="muted">Searching…</p>}
      {pages && pages.cursor !== "" && !busy && (
        <button type="button" onClick={() => void load(pages.cursor, found)}>
          More
        </button>
      )}
    </>
  );
}
