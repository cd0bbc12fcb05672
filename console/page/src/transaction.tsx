// One transaction: the decision in words, every rule with its parts, and what became of it.
import { useState } from "preact/hooks";
import { get, post, type ExplainedRule, type Explanation, type Part, type Review, type Session } from "./api";
import { clean, dateTimeOf, numberOf, valueOf } from "./format";
import { messageOf, Notice, usePolled, VerdictMark } from "./parts";

interface Shown {
  explanation: Explanation;
  review: Review | null;
}

// What happened to a rule, where it says something about this transaction.
const ACTING = ["fired", "shadow", "suppressed", "error"];
const KEYS = ["card", "customer", "account", "merchant", "terminal", "device", "ip", "email", "phone"];

function Facts({ explanation }: { explanation: Explanation }) {
  const { attributes, ...fields } = explanation.transaction;
  const all = Object.entries({ ...fields, ...attributes }).filter(([name]) => name !== "id" && name !== "amount_minor");
  return (
    <dl class="facts">
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
        {rule.score !== undefined && rule.score !== 0 && <span>{rule.score > 0 ? `+${rule.score}` : rule.score}</span>}
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
          {rule.file}:{rule.line}
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
          {dateTimeOf(outcome.known_time)}: {outcome.label}
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

function Decide(props: { review: Review; session: Session; done: () => void }) {
  const [note, setNote] = useState("");
  const [problem, setProblem] = useState("");
  const { review } = props;
  const reviewed = (
    <p>
      Reviewed: {review.label} by {clean(review.decided_by)}
      {review.note && `, “${clean(review.note)}”`}
      {review.problem && <small class="bad"> {clean(review.problem)}</small>}
    </p>
  );
  const isOpen = review.label === "" || review.label === "unsure";
  if (!isOpen) return reviewed;
  if (!props.session.role || props.session.role === "viewer")
    return review.label ? reviewed : <p class="muted">It waits for a review.</p>;
  const decide = async (label: string) => {
    try {
      const answer = await post<{ refused: { error: string }[] }>("/api/reviews/decide", {
        positions: [review.position],
        label,
        note,
      });
      setProblem(answer.refused[0]?.error ?? "");
    } catch (reason) {
      setProblem(messageOf(reason));
    }
    props.done();
  };
  return (
    <>
      {problem && <Notice bad>{problem}</Notice>}
      {review.label && reviewed}
      <form class="bar-of-filters" onSubmit={(event) => event.preventDefault()}>
        <label class="grows">
          Note <input value={note} maxLength={1000} onInput={(event) => setNote(event.currentTarget.value)} />
        </label>
        {["fraud", "legit", "unsure"].map((label) => (
          <button key={label} type="button" onClick={() => void decide(label)}>
            {label}
          </button>
        ))}
      </form>
    </>
  );
}

export function TransactionScreen({ id, session }: { id: string; session: Session }) {
  const { value, failure, reload } = usePolled((signal) => get<Shown>("/api/transaction", { id }, signal), 0, [id]);
  if (failure)
    return (
      <>
        <h1>{clean(id)}</h1>
        <Notice bad>{failure}</Notice>
      </>
    );
  if (!value) return <p class="muted">Deriving the decision again…</p>;
  const { explanation, review } = value;
  const { then } = explanation;
  const acting = then.rules.filter((rule) => ACTING.includes(rule.fate));
  const silent = then.rules.filter((rule) => !ACTING.includes(rule.fate));
  return (
    <>
      <h1>
        {clean(explanation.transaction.id)} <VerdictMark verdict={explanation.archived.verdict} />
      </h1>
      <p class="lead">
        Score {explanation.archived.score} by policy {clean(then.name)}, received {dateTimeOf(explanation.receive_time)}
        .{" "}
        {explanation.equal
          ? "Derived again, the decision is the same."
          : `Derived again, it differs: ${clean(explanation.difference ?? "")}`}
      </p>
      {explanation.archived.degraded && <Notice bad>Degraded: {clean(explanation.archived.degraded)}</Notice>}
      {(explanation.notes ?? []).map((note) => (
        <Notice key={note}>{clean(note)}</Notice>
      ))}
      {review && <Decide review={review} session={session} done={reload} />}
      <section class="panel" aria-label="The transaction">
        <Facts explanation={explanation} />
      </section>
      <h2>Rules that acted</h2>
      {acting.length === 0 && <p class="muted">None.</p>}
      {acting.map((rule) => (
        <RuleRow key={rule.name} rule={rule} />
      ))}
      <Models explanation={explanation} />
      <details class="panel">
        <summary>Rules that did not ({silent.length})</summary>
        {silent.map((rule) => (
          <RuleRow key={rule.name} rule={rule} />
        ))}
      </details>
      <Values title="Features" values={then.features} />
      <Values title="Fields" values={then.fields} />
      <h2>What became of it</h2>
      <History explanation={explanation} />
    </>
  );
}
