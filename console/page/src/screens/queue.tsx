// The queue of reviews, all of it by keyboard. The current review is kept by its position in the archive, never by its
// row: rows come and go while somebody reads, and a key must not decide another review than the one they read.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { get, type Review, type Reviews, type Session } from "../shared/api";
import { readDraft, writeDraft } from "../shared/drafts";
import { ageOf, clean, dateTimeOf, numberOf } from "../shared/format";
import { useKeys } from "../shared/keys";
import { Heading, Money, Notice, Reasons, usePolled } from "../shared/parts";
import {
  Claim,
  DecideBar,
  focusNote,
  isHeld,
  KeyHelp,
  LABELS,
  mayDecide,
  orderOf,
  useActions,
  useLease,
} from "./reviewing";
import { go, replace, transactionAddress, usePlace } from "../shared/router";
import { Views } from "../shared/views";
import { Work } from "./queue_work";
import "./queue.css";

const PAGE = 100;

interface Current {
  place: string; // the order and the page it is of
  position: number; // 0: none yet
  id: string;
  row: number; // where it was seen last
}

const NONE: Current = { place: "", position: 0, id: "", row: 0 };

// Kept while another screen is shown, so that the way back leads to the same review.
let remembered = NONE;

function linkOf(position: number): HTMLElement | null {
  return document.querySelector(`a[data-position="${position}"]`);
}

// The current review among the rows. One that goes away while it is read stays current until the person moves on.
function useCurrent(place: string, reviews: Review[]) {
  const [current, setState] = useState(() => {
    const known = remembered.place === place ? remembered : NONE;
    if (reviews.some((review) => review.position === known.position)) return known;
    return at(known.row);
  });
  const wanted = useRef(false);
  const row = reviews.findIndex((review) => review.position === current.position);
  function at(index: number): Current {
    const i = Math.max(0, Math.min(index, reviews.length - 1));
    const review = reviews[i];
    return review ? { place, position: review.position, id: review.id, row: i } : NONE;
  }
  const keep = (next: Current) => {
    remembered = next;
    setState(next);
  };
  const set = (index: number, focus: boolean) => {
    wanted.current = focus;
    keep(at(index));
  };
  // Before the next key: a focus that comes late would lead back.
  useLayoutEffect(() => {
    if (current.position === 0 && reviews.length > 0) keep(at(0));
    else if (row >= 0 && row !== current.row) keep({ ...current, row });
    const link = linkOf(current.position);
    if (!wanted.current || !link) return;
    wanted.current = false;
    link.focus();
  });
  const isGone = current.position !== 0 && row < 0;
  const move = (by: number) => set(isGone ? current.row + Math.min(by, 0) : row + by, true);
  const clear = () => keep(NONE);
  return { review: reviews[row], id: current.id, position: current.position, row, isGone, set, move, clear };
}

export function QueueScreen({ session }: { session: Session }) {
  const { query } = usePlace();
  const order = orderOf(query.get("order"));
  const decided = query.get("decided") === "1";
  const unsure = !decided && query.get("unsure") === "1";
  const offset = Math.max(0, Math.floor(Number(query.get("offset")) || 0));
  const list = decided ? { decided: 1 } : unsure ? { unsure: 1 } : {};
  const place = `${decided ? "decided" : unsure ? "unsure" : order} ${offset}`;
  const { value, failure, reload } = usePolled(
    (signal) =>
      get<Reviews>("/api/reviews", { order, ...list, offset, limit: PAGE }, signal).then((page) => ({
        ...page,
        place,
      })),
    3000,
    [place],
  );
  const page = value?.place === place ? value : null;
  const address = (start: number) =>
    `/queue?${decided ? "decided=1" : unsure ? "unsure=1" : `order=${order}`}${start > 0 ? `&offset=${start}` : ""}`;
  return (
    <>
      <Heading title="Review queue" />
      {failure && <Notice bad>{failure}</Notice>}
      {value && (
        <p class="muted">
          {numberOf(value.open)} open, {numberOf(value.claimed)} of them claimed
          {value.at_risk.length > 0 && <AtRisk sums={value.at_risk} />}
          {value.unreported > 0 &&
            `; ${numberOf(value.unreported)} decided here, but not yet at the server: they are sent again until it has them`}
        </p>
      )}
      <nav class="bar-of-filters" aria-label="Order">
        {(["score", "amount", "age"] as const).map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={!decided && !unsure && order === name}
            onClick={() => replace(`/queue?order=${name}`)}
          >
            By {name}
          </button>
        ))}
        <button type="button" aria-pressed={unsure} onClick={() => replace("/queue?unsure=1")}>
          Unsure{value ? ` (${numberOf(value.unsure)})` : ""}
        </button>
        <button type="button" aria-pressed={decided} onClick={() => replace("/queue?decided=1")}>
          Decided
        </button>
      </nav>
      <Views screen="queue" session={session} />
      {page && decided && <DecidedRows page={page} />}
      {page && !decided && (
        <OpenRows key={page.place} place={page.place} page={page} unsure={unsure} session={session} reload={reload} />
      )}
      {page && (offset > 0 || page.reviews.length === PAGE) && (
        <nav class="bar-of-filters" aria-label="Pages">
          {offset > 0 && <a href={address(Math.max(0, offset - PAGE))}>Previous {PAGE}</a>}
          <span class="muted">
            {page.reviews.length > 0
              ? `${numberOf(offset + 1)} to ${numberOf(offset + page.reviews.length)}`
              : "Nothing here any more"}
            {!decided && ` of ${numberOf(unsure ? page.unsure : page.open)}`}
          </span>
          {page.reviews.length === PAGE && <a href={address(offset + PAGE)}>Next {PAGE}</a>}
        </nav>
      )}
      {!page && !failure && <p class="muted">Loading…</p>}
      <Work />
    </>
  );
}

function AtRisk({ sums }: { sums: Reviews["at_risk"] }) {
  return (
    <>
      ; at risk:{" "}
      {sums.map((sum, i) => (
        <span key={sum.currency}>
          {i > 0 && ", "}
          <Money amount={sum.amount} currency={sum.currency} />
        </span>
      ))}
    </>
  );
}

function OpenRows(props: { place: string; page: Reviews; unsure: boolean; session: Session; reload: () => void }) {
  const { page, unsure, session } = props;
  const [marked, setMarked] = useState<ReadonlySet<number>>(new Set());
  const [done, setDone] = useState<ReadonlySet<number>>(new Set());
  const { problem, busy, decide, claim, release } = useActions(props.reload);
  const reviews = page.reviews.filter((review) => !done.has(review.position));
  const current = useCurrent(props.place, reviews);
  const { review } = current;
  useLease(review, page.now, session, props.reload);
  const person = session.person ?? "";
  const may = mayDecide(session);
  const bulk = reviews.filter((each) => marked.has(each.position)).map((each) => each.position);
  const subject = bulk.length > 0 ? "marked" : String(current.position);
  const about = bulk.length > 0 ? `the ${bulk.length} marked` : clean(current.id) || "none";

  const toggle = (position: number) => {
    const next = new Set(bulk);
    if (!next.delete(position)) next.add(position);
    // A note that was begun goes on as the note of all that are marked.
    const draft = readDraft(person, String(current.position));
    if (bulk.length === 0 && draft && !readDraft(person, "marked")) {
      writeDraft(person, "marked", draft);
      writeDraft(person, String(current.position), "");
    }
    setMarked(next);
  };
  const send = (label: string) => {
    const positions = bulk.length > 0 ? bulk : review ? [review.position] : [];
    if (positions.length === 0) return;
    const inRows = document.activeElement === document.body || document.activeElement?.closest("table") !== null;
    void decide(positions, label, readDraft(person, subject), (refused) => {
      const kept = new Set(refused.map((refusal) => refusal.position));
      const over = new Set(positions.filter((position) => !kept.has(position)));
      if (over.size > 0) writeDraft(person, subject, "");
      const isFree = (each: Review) => !over.has(each.position) && !isHeld(each, page.now, session);
      const start = Math.max(current.row, 0);
      if (over.has(current.position)) {
        const isOpen = (each: Review) => !over.has(each.position);
        const rest = [...reviews.slice(start), ...reviews.slice(0, start).reverse()];
        const next = rest.find(isFree) ?? rest.find(isOpen);
        if (next) current.set(reviews.indexOf(next), inRows);
        else current.clear();
      }
      setDone(new Set([...done, ...over]));
      setMarked(new Set(bulk.filter((position) => kept.has(position))));
    });
  };
  const leaveNote = () => (linkOf(current.position) ?? document.getElementById("main"))?.focus();
  useKeys({
    j: () => current.move(1),
    k: () => current.move(-1),
    Enter: () => review && go(transactionAddress(review.id)),
    ...(may && {
      x: () => review && toggle(review.position),
      c: () => review && void claim(review),
      r: () => review && void release(review),
      n: focusNote,
      ...Object.fromEntries(Object.entries(LABELS).map(([key, label]) => [key, () => send(label)])),
    }),
  });
  return (
    <>
      {may && (
        <div class="sticky">
          {problem && <Notice bad>{clean(problem)}</Notice>}
          {current.isGone && reviews.length > 0 && bulk.length === 0 && (
            <Notice>{clean(current.id)} is not on this page any more. Move on with j or k.</Notice>
          )}
          <DecideBar
            session={session}
            subject={subject}
            about={about}
            disabled={busy || (bulk.length === 0 && !review)}
            decide={send}
            leave={leaveNote}
          />
        </div>
      )}
      <div class="scroll" role="region" aria-label="Reviews" tabIndex={0}>
        <table class="rows stack">
          <thead>
            <tr>
              {may && (
                <th scope="col">
                  <span class="hidden">Mark</span>
                </th>
              )}
              <th scope="col">Transaction</th>
              <th scope="col" class="number">
                Amount
              </th>
              <th scope="col" class="number">
                Score
              </th>
              <th scope="col">Waits</th>
              <th scope="col">Reasons</th>
              <th scope="col">Claim</th>
            </tr>
          </thead>
          <tbody>
            {reviews.map((each, i) => (
              <tr
                key={each.position}
                class={each === review ? "current" : ""}
                aria-current={each === review ? "true" : undefined}
                onClick={() => current.set(i, false)}
                onFocusIn={() => each !== review && current.set(i, false)}
              >
                {may && (
                  <td>
                    <input
                      type="checkbox"
                      aria-label={`Mark ${clean(each.id)}`}
                      checked={marked.has(each.position)}
                      onChange={() => toggle(each.position)}
                    />
                  </td>
                )}
                <td class="id">
                  <a href={transactionAddress(each.id)} data-position={each.position}>
                    {clean(each.id)}
                  </a>
                </td>
                <td class="number">
                  <Money amount={each.amount} currency={each.currency} />
                </td>
                <td class="number score">{each.score}</td>
                <td class="short" title={`Of ${dateTimeOf(each.time)}, received ${dateTimeOf(each.received)}`}>
                  {ageOf(each.received, page.now)}
                </td>
                <td class="wide">
                  <Reasons reasons={each.reasons} />
                  {each.label && (
                    <small class="said">
                      {clean(each.label)}, says {clean(each.decided_by)}
                      {each.note && <>: “{clean(each.note)}”</>}
                    </small>
                  )}
                </td>
                <td class="short">
                  <Claim
                    review={each}
                    now={page.now}
                    session={session}
                    claim={(one) => void claim(one)}
                    release={(one) => void release(one)}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {reviews.length === 0 && <p class="muted empty">{emptyText(page, unsure)}</p>}
      {may && <KeyHelp queue />}
    </>
  );
}

function emptyText(page: Reviews, unsure: boolean): string {
  if (unsure)
    return "Nobody is unsure about anything. What is labelled unsure waits here for the next person, with its note.";
  return page.open === 0
    ? "The queue is empty. Transactions with the verdict review come here as they are decided."
    : "All of this page is decided.";
}

function DecidedRows({ page }: { page: Reviews }) {
  return (
    <>
      <div class="scroll" role="region" aria-label="Decided reviews" tabIndex={0}>
        <table class="rows stack">
          <thead>
            <tr>
              <th scope="col">Decided</th>
              <th scope="col">Transaction</th>
              <th scope="col" class="number">
                Amount
              </th>
              <th scope="col" class="number">
                Score
              </th>
              <th scope="col">After</th>
              <th scope="col">Label</th>
            </tr>
          </thead>
          <tbody>
            {page.reviews.map((review) => (
              <tr key={review.position}>
                <td class="short">{review.decided && dateTimeOf(review.decided)}</td>
                <td class="id">
                  <a href={transactionAddress(review.id)}>{clean(review.id)}</a>
                </td>
                <td class="number">
                  <Money amount={review.amount} currency={review.currency} />
                </td>
                <td class="number score">{review.score}</td>
                <td class="short">{review.decided && ageOf(review.received, review.decided)}</td>
                <td class="wide">
                  {clean(review.label)} by {clean(review.decided_by)}
                  {review.note && <small>{clean(review.note)}</small>}
                  {!review.reported && <small>not yet at the server</small>}
                  {review.problem && <small class="bad">The server refused it: {clean(review.problem)}</small>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {page.reviews.length === 0 && <p class="muted">Nothing has been decided yet.</p>}
    </>
  );
}
