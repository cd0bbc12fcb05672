// What became of a transaction, in the order in which it became known: when, what, and who says so.
import type { Amended, Explanation } from "../shared/api";
import { clean, dateTimeOf, numberOf } from "../shared/format";
import { Money, VerdictMark } from "../shared/parts";
import type { Step } from "./transaction_api";
import type { ComponentChildren } from "preact";

interface Happened {
  at: string;
  what: ComponentChildren;
  source: string;
  note?: string;
}

const NOTHING: Amended = { voided: false, amount_minor: 0, refunded_minor: 0 };

// Minor units of the amount's own currency, with as many digits as the amount has.
function moneyOf(minor: number | undefined, like: string): string {
  const digits = like.split(".")[1]?.length ?? 0;
  const text = String(Math.abs(minor ?? 0)).padStart(digits + 1, "0");
  const whole = digits > 0 ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text;
  return (minor ?? 0) < 0 ? `-${whole}` : whole;
}

function AmendmentText({
  before,
  now,
  amount,
  currency,
}: {
  before: Amended;
  now: Amended;
  amount: string;
  currency: string;
}) {
  const money = (minor: number | undefined) => <Money amount={moneyOf(minor, amount)} currency={currency} />;
  return (
    <>
      amended: {now.voided !== before.voided && (now.voided ? "voided. " : "no longer voided. ")}
      {now.amount_minor !== before.amount_minor && (
        <>
          amount {money(before.amount_minor)} → {money(now.amount_minor)}.{" "}
        </>
      )}
      {now.refunded_minor !== before.refunded_minor && (
        <>
          refunded {money(before.refunded_minor)} → {money(now.refunded_minor)}.
        </>
      )}
    </>
  );
}

function happenings(explanation: Explanation, steps: Step[], amount: string): Happened[] {
  const currency = String(explanation.transaction.currency ?? "");
  const { archived } = explanation;
  const all: Happened[] = [
    {
      at: explanation.receive_time,
      what: (
        <>
          decided <VerdictMark verdict={archived.verdict} />, score {numberOf(archived.score)}
        </>
      ),
      source: "the server",
    },
  ];
  for (const outcome of explanation.outcomes ?? [])
    all.push({
      at: outcome.receive_time,
      what: (
        <>
          outcome <strong>{clean(outcome.label)}</strong>
          {outcome.previous && outcome.previous !== "none" && ` (before: ${clean(outcome.previous)})`}
          {outcome.known_time &&
            outcome.known_time !== outcome.receive_time &&
            `, known ${dateTimeOf(outcome.known_time)}`}
        </>
      ),
      source: outcome.source ?? "",
    });
  for (const { receive_time, previous, now, source } of explanation.amendments ?? [])
    all.push({
      at: receive_time,
      what: <AmendmentText before={previous ?? NOTHING} now={now} amount={amount} currency={currency} />,
      source: source ?? "",
    });
  for (const step of steps)
    all.push({
      at: step.at,
      what: (
        <>
          reviewed: <strong>{clean(step.label)}</strong>
        </>
      ),
      source: step.person,
      note: step.note,
    });
  return all.sort((a, b) => new Date(a.at).getTime() - new Date(b.at).getTime());
}

export function Past(props: { explanation: Explanation; steps: Step[]; amount: string }) {
  return (
    <ol class="past">
      {happenings(props.explanation, props.steps, props.amount).map((each, i) => (
        <li key={i}>
          <time dateTime={each.at}>{dateTimeOf(each.at)}</time>
          <span>
            {each.what}
            {each.note && <q>{clean(each.note)}</q>}
          </span>
          <span class="muted">{each.source ? `by ${clean(each.source)}` : ""}</span>
        </li>
      ))}
    </ol>
  );
}
