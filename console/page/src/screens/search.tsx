// Search of the whole archive. The filters are the address, so a search can be shared.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, type Found, type Session } from "../shared/api";
import { Rows } from "./live";
import { ENTITIES, entityAddress } from "../shared/entities";
import { clean } from "../shared/format";
import { Heading, messageOf, Notice } from "../shared/parts";
import { go, usePlace } from "../shared/router";
import { Views } from "../shared/views";
import { inputOf, instantOf } from "../shared/zone";

interface Page {
  found: Found[];
  cursor: string;
  incomplete: boolean;
}

const USUAL = ["id", "rule", "card", "customer", "merchant", "device", "ip", "email"] as const;
const RARE = ["account", "terminal", "phone", "country", "mcc", "channel", "currency"] as const;

function Filters({ query }: { query: URLSearchParams }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const words = new URLSearchParams();
    for (const [name, value] of new FormData(event.currentTarget as HTMLFormElement))
      if (typeof value === "string" && value.trim() !== "") words.set(name, value.trim());
    for (const name of ["from", "until"]) {
      const value = words.get(name);
      if (value) words.set(name, instantOf(value).toISOString());
    }
    go(`/search?${words}`);
  };
  const text = (name: string) => (
    <label key={name}>
      {name} <input name={name} defaultValue={query.get(name) ?? ""} />
    </label>
  );
  return (
    <form class="filters" onSubmit={submit} key={query.toString()}>
      {USUAL.map(text)}
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
        score to <input name="score_max" type="number" min={0} max={1000} defaultValue={query.get("score_max") ?? ""} />
      </label>
      <label>
        from <input name="from" type="datetime-local" defaultValue={inputOf(query.get("from"))} />
      </label>
      <label>
        until <input name="until" type="datetime-local" defaultValue={inputOf(query.get("until"))} />
      </label>
      <details open={RARE.some((name) => query.has(name))}>
        <summary>Other fields</summary>
        <div class="filters">{RARE.map(text)}</div>
      </details>
      <button type="submit">Search</button>
    </form>
  );
}

// The entities that a search asks for have more to show than their transactions.
function NamedEntities({ query }: { query: URLSearchParams }) {
  const named = ENTITIES.filter((name) => query.get(name));
  if (named.length === 0) return null;
  return (
    <p>
      {named.map((name) => (
        <a key={name} href={entityAddress(name, query.get(name) ?? "")}>
          {name} {clean(query.get(name) ?? "")}: all that is known of it
        </a>
      ))}
    </p>
  );
}

export function SearchScreen({ session }: { session: Session }) {
  const { query } = usePlace();
  const key = query.toString();
  const [pages, setPages] = useState<{ found: Found[]; cursor: string; incomplete: boolean } | null>(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const current = useRef(new AbortController());

  async function load(cursor: string, before: Found[], signal: AbortSignal) {
    setBusy(true);
    setProblem("");
    try {
      const page = await get<Page>("/api/search", { ...Object.fromEntries(query), cursor }, signal);
      if (signal.aborted) return;
      setPages({ found: [...before, ...page.found], cursor: page.cursor, incomplete: page.incomplete });
    } catch (reason) {
      if (signal.aborted) return;
      setProblem(messageOf(reason));
    }
    setBusy(false);
  }
  useEffect(() => {
    const stop = new AbortController();
    current.current = stop;
    setPages(null);
    void load("", [], stop.signal);
    return () => stop.abort();
  }, [key]);

  const found = pages?.found ?? [];
  return (
    <>
      <Heading title="Search" />
      <Views screen="search" session={session} />
      <Filters query={query} />
      {problem && <Notice bad>{clean(problem)}</Notice>}
      <NamedEntities query={query} />
      {found.length > 0 && <Rows rows={found.map((hit) => hit.row)} labels={found.map((hit) => hit.label)} />}
      <p class="muted" role="status">
        {busy && "Searching…"}
        {!busy && pages && found.length === 0 && pages.cursor === "" && "No transaction fits."}
        {!busy && pages?.incomplete && pages.cursor !== "" && "The search is not through yet. It goes on with More."}
        {!busy && pages && found.length > 0 && !pages.incomplete && pages.cursor === "" && `${found.length} found.`}
      </p>
      {pages && pages.cursor !== "" && !busy && (
        <button type="button" onClick={() => void load(pages.cursor, found, current.current.signal)}>
          More
        </button>
      )}
    </>
  );
}
