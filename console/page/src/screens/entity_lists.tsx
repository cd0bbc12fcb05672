// The policy's lists that an entity is on, and changing them.
import { useState } from "preact/hooks";
import { get, post, type Session } from "../shared/api";
import { clean, dateTimeOf, numberOf } from "../shared/format";
import { messageOf, Notice, usePolled } from "../shared/parts";
import type { List, ListEntry } from "./entity_api";
import { mayDecide } from "./reviewing";

const HOUR = 3600;
const DURATIONS: [string, number][] = [
  ["1 hour", HOUR],
  ["1 day", 24 * HOUR],
  ["7 days", 7 * 24 * HOUR],
  ["30 days", 30 * 24 * HOUR],
  ["1 year", 365 * 24 * HOUR],
  ["no end", 0],
];

interface Change {
  list: string;
  value: string;
  remove: boolean;
  for_s: number;
  reason: string;
}

function useChanges(reload: () => void) {
  const [said, setSaid] = useState({ text: "", bad: false });
  const [busy, setBusy] = useState(false);
  async function change(asked: Change, done: () => void) {
    if (busy) return;
    setBusy(true);
    try {
      const answer = await post<{ changed: boolean; in_policy: boolean; value: string }>("/api/lists/change", asked);
      const did = asked.remove ? "was removed from" : "is on";
      const text = answer.changed
        ? `${clean(answer.value)} ${did} ${clean(asked.list)} now.`
        : `Nothing changed: ${clean(answer.value)} ${asked.remove ? "was not" : "is already"} on ${clean(asked.list)}.`;
      setSaid({ text: answer.in_policy ? `${text} The policy's own files have it, too.` : text, bad: false });
      done();
    } catch (reason) {
      setSaid({ text: clean(messageOf(reason)), bad: true });
    }
    setBusy(false);
    reload();
  }
  return { said, busy, change };
}

function EntryRow(props: {
  list: List;
  entry: ListEntry;
  may: boolean;
  busy: boolean;
  change: (asked: Change) => void;
}) {
  const { list, entry } = props;
  const [asks, setAsks] = useState(false);
  const remove = (event: SubmitEvent) => {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget as HTMLFormElement).get("reason")).trim();
    props.change({ list: list.name, value: entry.value, remove: true, for_s: 0, reason });
  };
  return (
    <li>
      <strong>{clean(list.name)}</strong> {entry.until ? `until ${dateTimeOf(entry.until)}` : "without end"}
      <small>
        {clean(entry.value)}, since {dateTimeOf(entry.since)}
        {entry.source && ` by ${clean(entry.source)}`}
        {entry.reason && `: ${clean(entry.reason)}`}
      </small>
      {props.may && list.runtime && !asks && (
        <button type="button" onClick={() => setAsks(true)} aria-label={`Remove from ${clean(list.name)}`}>
          Remove
        </button>
      )}
      {asks && (
        <form class="bar-of-filters" onSubmit={remove}>
          <label class="grows">
            Why <input name="reason" required maxLength={500} autocomplete="off" />
          </label>
          <button type="submit" disabled={props.busy}>
            Remove from {clean(list.name)}
          </button>
          <button type="button" onClick={() => setAsks(false)}>
            Keep
          </button>
        </form>
      )}
    </li>
  );
}

function AddForm(props: {
  lists: List[];
  value: string;
  busy: boolean;
  change: (asked: Change, done: () => void) => void;
}) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const data = new FormData(form);
    props.change(
      {
        list: String(data.get("list")),
        value: props.value,
        remove: false,
        for_s: Number(data.get("for_s")),
        reason: String(data.get("reason")).trim(),
      },
      () => form.reset(),
    );
  };
  return (
    <form class="bar-of-filters" onSubmit={submit} aria-label="Add to a list">
      <label>
        Add to{" "}
        <select name="list" required>
          <option value="">which list?</option>
          {props.lists.map((list) => (
            <option key={list.name} value={list.name} title={clean(list.about)}>
              {clean(list.name)}
            </option>
          ))}
        </select>
      </label>
      <label>
        for{" "}
        <select name="for_s" defaultValue={String(7 * 24 * HOUR)}>
          {DURATIONS.map(([name, seconds]) => (
            <option key={name} value={seconds} selected={seconds === 7 * 24 * HOUR}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="grows">
        Why <input name="reason" required maxLength={500} autocomplete="off" />
      </label>
      <button type="submit" disabled={props.busy}>
        Add
      </button>
    </form>
  );
}

export function Lists({ value, session }: { value: string; session: Session }) {
  const {
    value: shown,
    failure,
    reload,
  } = usePolled((signal) => get<{ lists: List[] }>("/api/lists", { value }, signal), 0, [value]);
  const { said, busy, change } = useChanges(reload);
  const lists = shown?.lists ?? [];
  const on = lists.flatMap((list) => list.entries.map((entry) => ({ list, entry })));
  const cut = lists.filter((list) => !list.complete);
  const own = lists.filter((list) => list.own > 0);
  return (
    <section class="panel" aria-label="Lists">
      <h2>Lists</h2>
      {failure && <Notice bad>{failure}</Notice>}
      {said.text && <Notice bad={said.bad}>{said.text}</Notice>}
      {shown && on.length === 0 && <p class="muted">It is on no list that is changed while the server runs.</p>}
      <ul class="entity-lists">
        {on.map(({ list, entry }) => (
          <EntryRow
            key={`${list.name} ${entry.value} ${entry.since}`}
            list={list}
            entry={entry}
            may={mayDecide(session)}
            busy={busy}
            change={(asked) => void change(asked, () => undefined)}
          />
        ))}
      </ul>
      {mayDecide(session) && lists.some((list) => list.declared && list.runtime) && (
        <AddForm
          lists={lists.filter((list) => list.declared && list.runtime)}
          value={value}
          busy={busy}
          change={(asked, done) => void change(asked, done)}
        />
      )}
      {own.length > 0 && (
        <p class="muted">
          Not looked through: {own.map((list) => `${numberOf(list.own)} entries of ${clean(list.file)}`).join(", ")},
          the policy's own.
        </p>
      )}
      {cut.length > 0 && (
        <p class="muted">Too long to be looked through to the end: {cut.map((list) => clean(list.name)).join(", ")}.</p>
      )}
    </section>
  );
}
