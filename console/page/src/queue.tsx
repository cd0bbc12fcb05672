// The queue of reviews, all of it by keyboard: j and k move, Enter opens, c claims, f, l and u decide.
import { useEffect, useState } from "preact/hooks";
import { get, post, type Review, type Reviews, type Session } from "./api";
import { ageOf, clean, dateTimeOf } from "./format";
import { messageOf, Money, Notice, Reasons, usePolled } from "./parts";
import { go, replace, usePlace } from "./router";

const LABELS = { f: "fraud", l: "legit", u: "unsure" } as const;

function mayDecide(session: Session): boolean {
  return session.role !== undefined && session.role !== "viewer";
}

function isTyping(event: KeyboardEvent): boolean {
  return (event.target as Element | null)?.matches?.("input, textarea, select") ?? false;
}

export function QueueScreen({ session }: { session: Session }) {
  const place = usePlace();
  const order = place.query.get("order") ?? "score";
  const decided = place.query.get("decided") === "1";
  const [at, setAt] = useState(0);
  const [marked, setMarked] = useState<ReadonlySet<number>>(new Set());
  const [note, setNote] = useState("");
  const [problem, setProblem] = useState("");
  const { value, failure, reload } = usePolled(
    (signal) => get<Reviews>("/api/reviews", { order, decided: decided ? 1 : undefined, limit: 100 }, signal),
    3000,
    [order, decided],
  );
  const reviews = value?.reviews ?? [];
  const current = reviews[Math.min(at, reviews.length - 1)];

  async function act(work: () => Promise<unknown>) {
    setProblem("");
    try {
      await work();
    } catch (reason) {
      setProblem(messageOf(reason));
    }
    reload();
  }
  const claim = (review: Review) => act(() => post("/api/reviews/claim", { position: review.position }));
  const decide = (label: string) =>
    act(async () => {
      const positions = marked.size > 0 ? [...marked] : current ? [current.position] : [];
      const answer = await post<{ refused: { position: number; error: string }[] }>("/api/reviews/decide", {
        positions,
        label,
        note,
      });
      setMarked(new Set());
      setNote("");
      if (answer.refused.length > 0)
        setProblem(`${answer.refused.length} not decided: ${answer.refused[0]?.error ?? ""}`);
    });

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const label = LABELS[event.key as keyof typeof LABELS];
      if (event.key === "j") setAt(Math.min(at + 1, reviews.length - 1));
      else if (event.key === "k") setAt(Math.max(at - 1, 0));
      else if (event.key === "Enter" && current && !(event.target as Element).closest("a, button"))
        go(`/transaction/${encodeURIComponent(current.id)}`);
      else if (!mayDecide(session) || decided || !current) return;
      else if (event.key === "c") void claim(current);
      else if (label) void decide(label);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });

  const toggle = (position: number) => {
    const next = new Set(marked);
    if (!next.delete(position)) next.add(position);
    setMarked(next);
  };
  return (
    <>
      <h1>Review queue</h1>
      {failure && <Notice bad>{failure}</Notice>}
      {problem && <Notice bad>{problem}</Notice>}
      {value && (
        <p class="muted">
          {value.open} open, {value.claimed} of them claimed
          {value.unreported > 0 && `; ${value.unreported} labels wait for the server`}
        </p>
      )}
      <nav class="bar-of-filters" aria-label="Order">
        {(["score", "amount", "age"] as const).map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={!decided && order === name}
            onClick={() => replace(`/queue?order=${name}`)}
          >
            By {name}
          </button>
        ))}
        <button type="button" aria-pressed={decided} onClick={() => replace("/queue?decided=1")}>
          Decided
        </button>
      </nav>
      {mayDecide(session) && !decided && (
        <form class="bar-of-filters" onSubmit={(event) => event.preventDefault()}>
          <label class="grows">
            Note <input value={note} maxLength={1000} onInput={(event) => setNote(event.currentTarget.value)} />
          </label>
          {Object.entries(LABELS).map(([key, label]) => (
            <button key={key} type="button" disabled={!current} onClick={() => void decide(label)}>
              {label} <kbd>{key}</kbd>
            </button>
          ))}
          <span class="muted">{marked.size > 0 ? `${marked.size} marked` : "the current one"}</span>
        </form>
      )}
      <div class="scroll" role="region" aria-label="Reviews" tabIndex={0}>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{decided ? "Decided" : <span class="hidden">Mark</span>}</th>
              <th scope="col">Transaction</th>
              <th scope="col" class="number">
                Amount
              </th>
              <th scope="col" class="number">
                Score
              </th>
              <th scope="col">Age</th>
              <th scope="col">Reasons</th>
              <th scope="col">{decided ? "Label" : "Claim"}</th>
            </tr>
          </thead>
          <tbody>
            {reviews.map((review, i) => (
              <tr key={review.position} class={review === current && !decided ? "current" : ""}>
                <td>
                  {decided ? (
                    review.decided && dateTimeOf(review.decided)
                  ) : (
                    <input
                      type="checkbox"
                      aria-label={`Mark ${review.id}`}
                      checked={marked.has(review.position)}
                      onChange={() => toggle(review.position)}
                      onFocus={() => setAt(i)}
                    />
                  )}
                </td>
                <td>
                  <a href={`/transaction/${encodeURIComponent(review.id)}`} onFocus={() => setAt(i)}>
                    {clean(review.id)}
                  </a>
                </td>
                <td class="number">
                  <Money amount={review.amount} currency={review.currency} />
                </td>
                <td class="number">{review.score}</td>
                <td title={review.time}>{value && ageOf(review.received, value.now)}</td>
                <td>
                  <Reasons reasons={review.reasons} />
                </td>
                <td>
                  {decided ? (
                    <Decided review={review} />
                  ) : (
                    <Claim review={review} now={value?.now ?? ""} session={session} claim={claim} />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {value && reviews.length === 0 && (
        <p class="muted">{decided ? "Nothing has been decided yet." : "The queue is empty."}</p>
      )}
      {mayDecide(session) && !decided && (
        <p class="muted keys">
          <kbd>j</kbd> <kbd>k</kbd> move, <kbd>Enter</kbd> opens, <kbd>c</kbd> claims for five minutes, <kbd>f</kbd>{" "}
          <kbd>l</kbd> <kbd>u</kbd> decide
        </p>
      )}
    </>
  );
}

function Decided({ review }: { review: Review }) {
  return (
    <>
      {review.label} by {clean(review.decided_by)}
      {review.note && <small>{clean(review.note)}</small>}
      {!review.reported && <small>waits for the server</small>}
      {review.problem && <small class="bad">{clean(review.problem)}</small>}
    </>
  );
}

function Claim(props: { review: Review; now: string; session: Session; claim: (review: Review) => void }) {
  const { review, session } = props;
  const held = review.claimed_until !== undefined && review.claimed_until > props.now;
  if (held) return <>{review.claimed_by === session.person ? "yours" : clean(review.claimed_by)}</>;
  if (!mayDecide(session)) return <>–</>;
  return (
    <button type="button" onClick={() => props.claim(review)}>
      Claim
    </button>
  );
}
