// One transaction: the decision in words, every rule with its parts, and what became of it.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, type ExplainedRule, type Explanation, type Part, type Review, type Session } from "../shared/api";
import { readDraft, writeDraft } from "../shared/drafts";
import { clean, dateTimeOf, numberOf, valueOf } from "../shared/format";
import { useKeys } from "../shared/keys";
import { Heading, messageOf, Money, Notice, usePolled, VerdictMark } from "../shared/parts";
import { go, transactionAddress } from "../shared/router";
import {
  Claim,
  DecideBar,
  findNext,
  focusNote,
  isHeld,
  KeyHelp,
  LABELS,
  mayDecide,
  useActions,
  useLease,
} from "./reviewing";
import { entityAddress, type Related, type Step } from "./transaction_api";
import { LinkGraph } from "./transaction_graph";
import { Models } from "./transaction_models";
import { OtherPolicies } from "./transaction_other";
import { Past } from "./transaction_past";
import { Timeline } from "./transaction_timeline";
import "./transaction.css";

interface Shown {
  explanation: Explanation;
  review: Review | null;
  amount: string;
  now: string;
}

interface Reviewed {
  review: Review | null;
  history: Step[];
  now: string;
}

// What happened to a rule, where it says something about this transaction.
const ACTING = ["fired", "shadow", "suppressed", "error"];
const KEYS = ["card", "customer", "account", "merchant", "terminal", "device", "ip", "email", "phone"];
const SHOWN_ELSEWHERE = ["id", "amount_minor", "currency"];

// To the entity's own screen, where the policy gathers history by it; else to a search.
function addressOf(name: string, value: string, related: Related | null): string {
  const entity = related?.entities.find(
    (each) => each.key.length === 1 && each.entity === name && each.key[0] === value,
  );
  return entity ? entityAddress(name, value) : `/search?${new URLSearchParams({ [name]: value })}`;
}

function Facts(props: { explanation: Explanation; amount: string; related: Related | null }) {
  const { explanation, amount, related } = props;
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
              <a href={addressOf(name, String(value), related)}>{valueOf(value)}</a>
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
  useLease(review, now, session, props.reload);
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

function ReviewPart(props: { review: Review | null; now: string; session: Session; reload: () => void }) {
  const { session, review, now } = props;
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
      <h2 id="rules">Rules that acted</h2>
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

// What is around it comes later than the decision itself: it is looked for in the whole archive.
function Around({ related, failure }: { related: Related | null; failure: string }) {
  return (
    <>
      <h2 id="timeline">Before and after</h2>
      {failure && <Notice bad>{failure}</Notice>}
      {!failure && !related && <p class="muted">Looking for what else its entities did…</p>}
      {related && <Timeline related={related} />}
      <h2 id="links">Linked transactions</h2>
      {related && <LinkGraph related={related} />}
    </>
  );
}

const PARTS: [string, string][] = [
  ["rules", "Rules"],
  ["past", "What became of it"],
  ["timeline", "Before and after"],
  ["links", "Linked"],
  ["other", "Other policies"],
];

function Whole(props: { shown: Shown; session: Session; failed: ComponentChildren }) {
  const { session } = props;
  const { explanation, amount } = props.shown;
  const { position } = explanation;
  const { id } = explanation.transaction;
  const polled = usePolled((signal) => get<Reviewed>("/api/reviews/one", { position }, signal), 5000, [position]);
  const around = usePolled((signal) => get<Related>("/api/transaction/related", { id, position }, signal), 0, [
    position,
  ]);
  const reviewed = polled.value ?? { review: props.shown.review, history: [], now: props.shown.now };
  return (
    <>
      <Heading title={clean(id)}>
        <VerdictMark verdict={explanation.archived.verdict} />
      </Heading>
      {props.failed}
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
      <ReviewPart review={reviewed.review} now={reviewed.now} session={session} reload={polled.reload} />
      <nav class="jumps" aria-label="Parts of this screen">
        {PARTS.map(([anchor, name]) => (
          <a key={anchor} href={`#${anchor}`}>
            {name}
          </a>
        ))}
      </nav>
      <section class="panel" aria-label="The transaction">
        <Facts explanation={explanation} amount={amount} related={around.value} />
      </section>
      <Derived explanation={explanation} />
      <h2 id="past">What became of it</h2>
      <Past explanation={explanation} steps={reviewed.history} amount={amount} />
      <Around related={around.value} failure={around.failure} />
      <h2 id="other">What another policy would have said</h2>
      <OtherPolicies id={id} position={position} then={explanation.then} />
    </>
  );
}

export function TransactionScreen({ id, session }: { id: string; session: Session }) {
  const { value, failure, reload } = usePolled((signal) => get<Shown>("/api/transaction", { id }, signal), 0, [id]);
  const failed = failure && (
    <Notice bad>
      {failure}{" "}
      <button type="button" onClick={reload}>
        Try again
      </button>
    </Notice>
  );
  if (value?.explanation.transaction.id === id)
    return <Whole key={value.explanation.position} shown={value} session={session} failed={failed} />;
  return (
    <>
      <Heading title={clean(id)} />
      {failed || <p class="muted">Deriving the decision again…</p>}
    </>
  );
}
