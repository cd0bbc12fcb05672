// What the queue and the transaction's screen share: deciding reviews, with a note.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, post, type Review, type Reviews, type Session } from "../shared/api";
import { useDraft } from "../shared/drafts";
import { ageOf, clean } from "../shared/format";
import { useKeySetting } from "../shared/keys";
import { messageOf } from "../shared/parts";

export const LABELS = { f: "fraud", l: "legit", u: "unsure" } as const;

const ORDERS = ["score", "amount", "age"] as const;
export type Order = (typeof ORDERS)[number];

export function orderOf(text: string | null): Order {
  return ORDERS.find((order) => order === text) ?? "score";
}

export function mayDecide(session: Session): boolean {
  return session.role !== undefined && session.role !== "viewer";
}

// Another person's claim that has not ended.
export function isHeld(review: Review, now: string, session: Session): boolean {
  return isClaimed(review, now) && review.claimed_by !== session.person;
}

function isClaimed(review: Review, now: string): boolean {
  return review.claimed_until !== undefined && new Date(review.claimed_until) > new Date(now);
}

// The first review of the queue that nobody else has, other than this one.
export async function findNext(order: Order, session: Session, other: number): Promise<Review | undefined> {
  const page = await get<Reviews>("/api/reviews", { order, limit: 200 });
  return page.reviews.find((review) => review.position !== other && !isHeld(review, page.now, session));
}

interface Refusal {
  position: number;
  error: string;
}

// One request at a time: a key that is pressed twice decides once.
export function useActions(reload: () => void) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const running = useRef(false);
  async function act(work: () => Promise<void>) {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setProblem("");
    try {
      await work();
    } catch (reason) {
      setProblem(messageOf(reason));
    }
    running.current = false;
    setBusy(false);
    reload();
  }
  const decide = (positions: number[], label: string, note: string, done: (refused: Refusal[]) => void) =>
    act(async () => {
      const answer = await post<{ refused: Refusal[] }>("/api/reviews/decide", { positions, label, note });
      const reasons = new Set(answer.refused.map((refusal) => refusal.error));
      if (answer.refused.length > 0)
        setProblem(`${answer.refused.length} of ${positions.length} not decided: ${[...reasons].join("; ")}`);
      done(answer.refused);
    });
  const claim = (review: Review) => act(() => post("/api/reviews/claim", { position: review.position }));
  const release = (review: Review) => act(() => post("/api/reviews/release", { position: review.position }));
  return { problem, setProblem, busy, decide, claim, release };
}

const RENEW_MS = 60000;
const AWAY_MS = 120000;

// One's own claim goes on while one works: it is renewed every minute in which there was a sign of somebody. Of who has
// gone away, it ends by itself.
export function useLease(review: Review | undefined, now: string, session: Session, renewed: () => void): void {
  const mine = review !== undefined && isClaimed(review, now) && review.claimed_by === session.person;
  const position = mine ? review.position : 0;
  const seen = useRef(Date.now());
  useEffect(() => {
    if (position === 0) return;
    const see = () => (seen.current = Date.now());
    const renew = () => {
      if (Date.now() - seen.current < AWAY_MS) void post("/api/reviews/claim", { position }).then(renewed, renewed);
    };
    const signs = ["keydown", "pointermove", "pointerdown", "scroll"];
    for (const sign of signs) addEventListener(sign, see, { passive: true });
    const timer = setInterval(renew, RENEW_MS);
    return () => {
      for (const sign of signs) removeEventListener(sign, see);
      clearInterval(timer);
    };
  }, [position]);
}

// Who has it, and the way to get or leave it.
export function Claim(props: {
  review: Review;
  now: string;
  session: Session;
  claim: (review: Review) => void;
  release: (review: Review) => void;
}) {
  const { review, now, session } = props;
  if (isClaimed(review, now)) {
    const left = ageOf(now, review.claimed_until ?? now);
    if (review.claimed_by !== session.person)
      return (
        <>
          {clean(review.claimed_by)}, {left}
        </>
      );
    return (
      <span class="claim">
        <button type="button" aria-label={`Release ${clean(review.id)}`} onClick={() => props.release(review)}>
          Release
        </button>{" "}
        <span>yours, {left}</span>
      </span>
    );
  }
  if (!mayDecide(session)) return <>–</>;
  return (
    <span class="claim">
      <button type="button" aria-label={`Claim ${clean(review.id)}`} onClick={() => props.claim(review)}>
        Claim
      </button>
    </span>
  );
}

export const NOTE_ID = "note";

export function focusNote(): void {
  document.getElementById(NOTE_ID)?.focus();
}

// The note and the three labels. `subject` is what the note is kept under, `about` says which reviews it is for.
export function DecideBar(props: {
  session: Session;
  subject: string;
  about: string;
  disabled: boolean;
  decide: (label: string) => void;
  leave: () => void;
}) {
  const [note, setNote] = useDraft(props.session.person ?? "", props.subject);
  const [keysOn] = useKeySetting();
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    props.leave();
  };
  return (
    <form class="decide" onSubmit={(event) => event.preventDefault()}>
      <label for={NOTE_ID}>Note on {props.about}</label>
      <input
        id={NOTE_ID}
        autocomplete="off"
        value={note}
        maxLength={1000}
        onInput={(event) => setNote(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <span class="labels">
        {Object.entries(LABELS).map(([key, label]) => (
          <button key={key} type="button" disabled={props.disabled} onClick={() => props.decide(label)}>
            {label} {keysOn && <kbd>{key}</kbd>}
          </button>
        ))}
      </span>
    </form>
  );
}

export function KeyHelp({ queue = false }: { queue?: boolean }) {
  const [on, setOn] = useKeySetting();
  return (
    <p class="muted keys">
      <label>
        <input type="checkbox" checked={on} onChange={(event) => setOn(event.currentTarget.checked)} /> Keys
      </label>
      {queue && (
        <span>
          <kbd>j</kbd> <kbd>k</kbd> next and previous, <kbd>x</kbd> marks, <kbd>Enter</kbd> opens
        </span>
      )}
      <span>
        <kbd>c</kbd> claims while you work on it, <kbd>r</kbd> releases
      </span>
      <span>
        <kbd>n</kbd> to the note, <kbd>Esc</kbd> back
      </span>
      <span>
        <kbd>f</kbd> fraud, <kbd>l</kbd> legit, <kbd>u</kbd> unsure
      </span>
    </p>
  );
}
