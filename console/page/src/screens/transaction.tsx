// One transaction: the decision in words, every rule with its parts, and what became of it.
import { useEffect, useRef, useState } from "preact/hooks";
import { ArchivedTransaction, archivedOf, type Archived } from "./transaction_archived";
import { get, type ExplainedRule, type Explanation, type Part, type Review, type Session } from "../shared/api";
import { readDraft, writeDraft } from "../shared/drafts";
import { clean, dateTimeOf, numberOf, valueOf } from "../shared/format";
import { useKeys } from "../shared/keys";
import { Heading, messageOf, Money, Notice, usePolled, VerdictMark } from "../shared/parts";
import { Claim, DecideBar, findNext, focusNote, isHeld, KeyHelp, LABELS, mayDecide, useActions } from "./reviewing";
import { go, transactionAddress } from "../shared/router";

interface Shown {
  explanation: Explanation;
  review: Review | null;
  amount: string;
  now: string;
}

// What happened to a rule, where it says something about this transaction.
const ACTING = ["fired", "shadow", "suppressed", "error"];
const AGAIN_MS = 5000;
const KEYS = ["card", "customer", "account", "merchant", "terminal", "device", "ip", "email", "phone"];
const SHOWN_ELSEWHERE = ["id", "amount_minor", "currency"];

function Facts({ explanation, amount }: { explanation: Explanation; amount: string }) {
  const { attributes, ...fields } = explanation.transaction;
  const all = Object.entries({ ...fields, ...attributes }).filter(([name]) => !SHOWN_ELSEWHERE.includes(name));
  return (
    <dl class="facts">
      <div>
        <dt>amount</dt>
        <dd class="amount">
          <Money amount={amount} currency={String(explanation.transaction.currency ?? "")} />
        </dd>
      </div>
      {all.map(([name, value]) => (
        <div key={name}>
          <dt>{clean(name)}</dt>
          <dd>
            {KEYS.includes(name) ? (
              <a href={`/search?${new URLSearchParams({ [name]: String(value) })}`}>{valueOf(value)}</a>
            ) : name === "event_time" ? (
              dateTimeOf(String(value))
            ) : (
              valueOf(value)
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function PartRow({ part }: { part: Part }) {
  const state = part.reached === false ? "unreached" : part.decides ? "decides" : "";
  return (
    <li class={state} style={{ "--depth": part.depth }}>
      <code>{clean(part.text)}</code> <span class="muted">{part.error ? clean(part.error) : valueOf(part.value)}</span>
    </li>
  );
}

function RuleRow({ rule }: { rule: ExplainedRule }) {
  const fired = rule.fate === "fired" || rule.fate === "shadow" || rule.fate === "suppressed";
  return (
    <details class={`rule rule-${rule.fate}`} open={rule.fate === "fired"}>
      <summary>
        <span class="rule-name">{clean(rule.name)}</span>
        <span class="fate">{rule.fate}</span>
        {rule.verdict && <VerdictMark verdict={rule.verdict} />}
        {rule.score !== undefined && rule.score !== 0 && (
          <span>{rule.score > 0 ? `+${rule.score}` : numberOf(rule.score)}</span>
        )}
        {fired && rule.reason && <span class="reason">{clean(rule.reason)}</span>}
      </summary>
      {rule.about && <p>{clean(rule.about.trim())}</p>}
      {rule.parts && (
        <ul class="parts">
          {rule.parts.map((part, i) => (
            <PartRow key={i} part={part} />
          ))}
        </ul>
      )}
      {rule.file && (
        <p class="muted">
          {clean(rule.file)}:{rule.line}
        </p>
      )}
    </details>
  );
}

function Values({ title, values }: { title: string; values: Record<string, unknown> }) {
  const entries = Object.entries(values);
  if (entries.length === 0) return null;
  return (
    <details class="panel">
      <summary>
        {title} ({entries.length})
      </summary>
      <dl class="facts">
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{clean(name)}</dt>
            <dd>{valueOf(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function Models({ explanation }: { explanation: Explanation }) {
  const models = explanation.then.models ?? [];
  return (
    <>
      {models.map((model) => (
        <details class="panel" key={model.name}>
          <summary>
            {clean(model.name)}: margin {numberOf(model.margin)}
          </summary>
          <table class="rows">
            <thead>
              <tr>
                <th scope="col">Input</th>
                <th scope="col" class="number">
                  Value
                </th>
                <th scope="col" class="number">
                  Contribution
                </th>
              </tr>
            </thead>
            <tbody>
              {model.inputs.map((input) => (
                <tr key={input.name}>
                  <td>{clean(input.name)}</td>
                  <td class="number">{valueOf(input.value)}</td>
                  <td class="number">{numberOf(input.contribution)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      ))}
    </>
  );
}

function History({ explanation }: { explanation: Explanation }) {
  const outcomes = explanation.outcomes ?? [];
  const amendments = explanation.amendments ?? [];
  if (outcomes.length + amendments.length === 0) return <p class="muted">Nothing was reported about it yet.</p>;
  return (
    <ul>
      {outcomes.map((outcome) => (
        <li key={outcome.receive_time}>
          {dateTimeOf(outcome.known_time)}: {clean(outcome.label)}
          {outcome.source && <span class="muted"> by {clean(outcome.source)}</span>}
        </li>
      ))}
      {amendments.map((amendment) => (
        <li key={amendment.receive_time}>
          {dateTimeOf(amendment.receive_time)}: {valueOf(amendment.now)}
          {amendment.source && <span class="muted"> by {clean(amendment.source)}</span>}
        </li>
      ))}
    </ul>
  );
}

function Decided({ review }: { review: Review }) {
  return (
    <p>
      Reviewed: <strong>{clean(review.label)}</strong> by {clean(review.decided_by)}
      {review.decided && `, ${dateTimeOf(review.decided)}`}
      {review.note && `: “${clean(review.note)}”`}
      {!review.reported && <span class="muted"> (not yet at the server)</span>}
      {review.problem && <span class="bad"> The server refused it: {clean(review.problem)}</span>}
    </p>
  );
}

// The review that comes next, when this one is done or somebody else has it.
function NextReview({ session, review }: { session: Session; review: Review }) {
  const [problem, setProblem] = useState("");
  const open = async () => {
    try {
      const next = await findNext("score", session, review.position);
      if (next) go(transactionAddress(next.id));
      else setProblem("No other review waits.");
    } catch (reason) {
      setProblem(messageOf(reason));
    }
  };
  const button = useRef<HTMLButtonElement>(null);
  // The buttons that decided it are gone, and the focus was on one of them.
  useEffect(() => {
    if (document.activeElement === document.body) button.current?.focus();
  }, [review.label]);
  useKeys({ j: () => void open() });
  return (
    <p>
      <button type="button" ref={button} onClick={() => void open()}>
        Next review <kbd>j</kbd>
      </button>{" "}
      <a href="/queue">To the queue</a> <span role="status">{clean(problem)}</span>
    </p>
  );
}

function Decide(props: { review: Review; now: string; session: Session; reload: () => void }) {
  const { review, now, session } = props;
  const { problem, busy, decide, claim, release } = useActions(props.reload);
  const subject = String(review.position);
  const person = session.person ?? "";
  const send = (label: string) =>
    void decide([review.position], label, readDraft(person, subject), (refused) => {
      if (refused.length === 0) writeDraft(person, subject, "");
    });
  useKeys({
    c: () => void claim(review),
    r: () => void release(review),
    n: focusNote,
    ...Object.fromEntries(Object.entries(LABELS).map(([key, label]) => [key, () => send(label)])),
  });
  return (
    <>
      {problem && <Notice bad>{clean(problem)}</Notice>}
      {isHeld(review, now, session) && <Notice>{clean(review.claimed_by)} is working on this review.</Notice>}
      <DecideBar
        session={session}
        subject={subject}
        about="this review"
        disabled={busy}
        decide={send}
        leave={() => document.getElementById("main")?.focus()}
      />
      <div class="bar-of-filters">
        <Claim
          review={review}
          now={now}
          session={session}
          claim={(one) => void claim(one)}
          release={(one) => void release(one)}
        />
        <KeyHelp />
      </div>
    </>
  );
}

function ReviewPart(props: { shown: Shown; session: Session; reload: () => void }) {
  const { session } = props;
  const { review, now } = props.shown;
  const isOpen = review !== null && (review.label === "" || review.label === "unsure");
  const draft = review && !isOpen ? readDraft(session.person ?? "", String(review.position)) : "";
  if (!review) return null;
  if (!review.label && !mayDecide(session)) return <p class="muted">It waits for a review.</p>;
  return (
    <section aria-label="Review">
      {review.label && <Decided review={review} />}
      {isOpen && mayDecide(session) && <Decide review={review} now={now} session={session} reload={props.reload} />}
      {draft && <Notice>Your note was not sent, as the review was decided before: “{clean(draft)}”</Notice>}
      {mayDecide(session) && (review.label || isHeld(review, now, session)) && (
        <NextReview session={session} review={review} />
      )}
    </section>
  );
}

function Derived({ explanation }: { explanation: Explanation }) {
  const { then } = explanation;
  const acting = then.rules.filter((rule) => ACTING.includes(rule.fate));
  const silent = then.rules.filter((rule) => !ACTING.includes(rule.fate));
  return (
    <>
      <h2>Rules that acted</h2>
      {acting.length === 0 && <p class="muted">None.</p>}
      {acting.map((rule) => (
        <RuleRow key={rule.name} rule={rule} />
      ))}
      <Models explanation={explanation} />
      <details class="panel">
        <summary>Rules that did not act ({silent.length})</summary>
        {silent.map((rule) => (
          <RuleRow key={rule.name} rule={rule} />
        ))}
      </details>
      <Values title="Features" values={then.features} />
      <Values title="Fields" values={then.fields} />
    </>
  );
}

export function TransactionScreen({ id, session }: { id: string; session: Session }) {
  const [archived, setArchived] = useState<Archived | undefined>(undefined);
  const ask = async (signal: AbortSignal) => {
    try {
      const shown = await get<Shown>("/api/transaction", { id }, signal);
      setArchived(undefined);
      return shown;
    } catch (reason) {
      setArchived(archivedOf(reason));
      throw reason;
    }
  };
  const { value, failure, reload } = usePolled(ask, 0, [id]);
  // A server that is away is asked again, until it is back.
  useEffect(() => {
    if (!archived) return undefined;
    const timer = window.setTimeout(reload, AGAIN_MS);
    return () => clearTimeout(timer);
  }, [archived]);
  const isThis = value?.explanation.transaction.id === id;
  const title = clean(id);
  const failed = failure && (
    <Notice bad>
      {failure}{" "}
      <button type="button" onClick={reload}>
        Try again
      </button>
    </Notice>
  );
  if (!value || !isThis)
    return (
      <>
        <Heading title={title} />
        {failed || <p class="muted">Deriving the decision again…</p>}
        {failed && archived && <ArchivedTransaction found={archived} />}
      </>
    );
  const { explanation } = value;
  return (
    <>
      <Heading title={title}>
        <VerdictMark verdict={explanation.archived.verdict} />
      </Heading>
      {failed}
      <p class="lead">
        Score {explanation.archived.score} by policy {clean(explanation.then.name)}, received{" "}
        {dateTimeOf(explanation.receive_time)}.{" "}
        {explanation.equal
          ? "Derived again, the decision is the same."
          : `Derived again, it differs: ${clean(explanation.difference ?? "")}`}
      </p>
      {explanation.archived.degraded && <Notice bad>Degraded: {clean(explanation.archived.degraded)}</Notice>}
      {(explanation.notes ?? []).map((note) => (
        <Notice key={note}>{clean(note)}</Notice>
      ))}
      <ReviewPart shown={value} session={session} reload={reload} />
      <section class="panel" aria-label="The transaction">
        <Facts explanation={explanation} amount={value.amount} />
      </section>
      <Derived explanation={explanation} />
      <h2>What became of it</h2>
      <History explanation={explanation} />
    </>
  );
}
