// What other policies say about a transaction: those that judged it beside the one that decided, as recorded; and any
// policy of the archive, or a draft, for which it is derived again.
import { useEffect, useState } from "preact/hooks";
import { get, type ExplainedPolicy } from "../shared/api";
import { clean, dateTimeOf, numberOf, valueOf } from "../shared/format";
import { messageOf, Notice, VerdictMark } from "../shared/parts";
import type { Other, Policies } from "./transaction_api";

const ACTS = ["fired", "error"];

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Rules whose result differs: [name, then, now]; "–" where a policy has none of this name. */
export function changedRules(then: ExplainedPolicy, now: ExplainedPolicy): [string, string, string][] {
  const fate = (policy: ExplainedPolicy, name: string) => {
    const rule = policy.rules.find((each) => each.name === name);
    return rule
      ? rule.fate + (ACTS.includes(rule.fate) && rule.score ? ` ${rule.score > 0 ? "+" : ""}${rule.score}` : "")
      : "–";
  };
  const names = [...new Set([...then.rules, ...now.rules].map((rule) => rule.name))];
  return names
    .map((name): [string, string, string] => [name, fate(then, name), fate(now, name)])
    .filter(([, before, after]) => before !== after);
}

function changedValues(then: ExplainedPolicy, now: ExplainedPolicy): [string, string, string][] {
  const names = [...new Set([...Object.keys(then.features), ...Object.keys(now.features)])];
  return names
    .filter(
      (name) => name in then.features && name in now.features && !isEqual(then.features[name], now.features[name]),
    )
    .map((name) => [name, valueOf(then.features[name]), valueOf(now.features[name])]);
}

function Changes({ what, rows }: { what: string; rows: [string, string, string][] }) {
  if (rows.length === 0) return null;
  return (
    <div class="scroll" role="region" aria-label={`${what}s that differ`} tabIndex={0}>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">{what}</th>
            <th scope="col">Decided</th>
            <th scope="col">Other policy</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, before, after]) => (
            <tr key={name}>
              <td class="wraps">{clean(name)}</td>
              <td>{clean(before)}</td>
              <td>{clean(after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Answer({ other }: { other: Other }) {
  const { then, now } = other;
  if (!now) return null;
  if (now.refusal !== undefined) return <Notice>That policy refuses the transaction: {clean(now.refusal)}</Notice>;
  const same = then.decision.verdict === now.decision.verdict && then.decision.score === now.decision.score;
  const rules = changedRules(then, now);
  return (
    <div role="status">
      <p>
        {clean(now.name)} says <VerdictMark verdict={now.decision.verdict} />, score {now.decision.score};{" "}
        {same ? (
          "the same as was decided."
        ) : (
          <>
            decided was <VerdictMark verdict={then.decision.verdict} />, score {then.decision.score}.
          </>
        )}{" "}
        {rules.length === 0 && "Every rule has the same result."}
      </p>
      <Changes what="Rule" rows={rules} />
      <Changes what="Feature" rows={changedValues(then, now)} />
    </div>
  );
}

function Shadows({ policy }: { policy: ExplainedPolicy }) {
  const shadows = [...(policy.other_arm ? [policy.other_arm] : []), ...(policy.shadows ?? [])];
  if (shadows.length === 0) return null;
  return (
    <div class="scroll" role="region" aria-label="Policies that judged it as well" tabIndex={0}>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Judged beside it</th>
            <th scope="col">As</th>
            <th scope="col">Verdict</th>
            <th scope="col" class="number">
              Score
            </th>
            <th scope="col">Rules</th>
          </tr>
        </thead>
        <tbody>
          {shadows.map((shadow) => (
            <tr key={shadow.snapshot_id}>
              <td>{clean(shadow.name)}</td>
              <td>{clean(shadow.arm || "shadow")}</td>
              <td>
                <VerdictMark verdict={shadow.verdict ?? ""} />
              </td>
              <td class="number">{numberOf(shadow.score)}</td>
              <td class="wraps">{shadow.rules.map(clean).join(", ") || "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function OtherPolicies({ id, position, then }: { id: string; position: number; then: ExplainedPolicy }) {
  const [known, setKnown] = useState<Policies | null>(null);
  const [choice, setChoice] = useState("");
  const [other, setOther] = useState<Other | null>(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    get<Policies>("/api/transaction/policies").then(setKnown, (reason) => setProblem(messageOf(reason)));
  }, []);
  const ask = async (event: SubmitEvent) => {
    event.preventDefault();
    const [kind = "", value = ""] = choice.split(":");
    setBusy(true);
    setProblem("");
    setOther(null);
    try {
      setOther(await get<Other>("/api/transaction/other", { id, position, [kind]: value }));
    } catch (reason) {
      setProblem(messageOf(reason));
    }
    setBusy(false);
  };
  return (
    <>
      <Shadows policy={then} />
      <form class="bar-of-filters" onSubmit={(event) => void ask(event)}>
        <label class="policy-choice">
          Policy{" "}
          <select value={choice} onChange={(event) => setChoice(event.currentTarget.value)} required>
            <option value="">choose one</option>
            {(known?.drafts ?? []).map((draft) => (
              <option key={draft.id} value={`draft:${draft.id}`}>
                my draft {draft.id}
              </option>
            ))}
            {(known?.policies ?? []).map((policy) => (
              <option key={policy.id} value={`policy:${policy.id}`}>
                {clean(policy.name)} {policy.id.slice(0, 8)}, {policy.use} since {dateTimeOf(policy.since).slice(0, 16)}
                {policy.id === then.snapshot_id ? " (decided it)" : ""}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" disabled={busy || choice === ""}>
          What would it say?
        </button>
        <span class="muted" role="status">
          {busy && "Reading the archive from its first record; this may take 20 s…"}
        </span>
      </form>
      {problem && <Notice bad>{clean(problem)}</Notice>}
      {other && <Answer other={other} />}
    </>
  );
}
