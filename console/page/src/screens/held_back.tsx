// What the last rebuild of a night made of thresholds and cut-offs, what its guard held back, and its acceptance.
import { useState } from "preact/hooks";
import { get, isAtLeast, post, type Session } from "../shared/api";
import { clean, countOf, dateTimeOf, numberOf } from "../shared/format";
import { messageOf, Notice, usePolled } from "../shared/parts";
import { transactionAddress } from "../shared/router";
import type { CutoffLine, Held, ThresholdLine } from "./operations_api";

function valueOf(value: number | null): string {
  return value === null ? "the fallback" : numberOf(value);
}

function scoreOf(score: number): string {
  return score === 0 ? "never" : numberOf(score);
}

// In words, because the file has only the state.
const CUTOFF_REASONS: Record<string, string> = {
  computed: "computed",
  held: "held back: it changed by more than its guard allows",
  "small sample": "kept: too few decisions to compute it",
  unreachable: "kept: no score meets the budget",
};

function ThresholdRow({ line }: { line: ThresholdLine }) {
  return (
    <tr>
      <td>{clean(line.name)}</td>
      <td class="number">{valueOf(line.overall_before)}</td>
      <td class="number">{valueOf(line.overall)}</td>
      <td class="number">
        {numberOf(line.groups)}
        {line.groups !== line.groups_before && <span class="muted">, {numberOf(line.groups_before)} before</span>}
      </td>
      <td class="number">{numberOf(line.changed)}</td>
      <td class="wide">
        {line.held === 0
          ? line.changed > 0 || line.overall !== line.overall_before || line.groups !== line.groups_before
            ? `computed from ${numberOf(line.samples)} samples`
            : "unchanged"
          : `${numberOf(line.held)} held back: ` +
            line.held_examples
              .map(
                (one) =>
                  `${clean(one.group || "over all")} stays ${valueOf(one.value)}, computed ${valueOf(one.computed)}`,
              )
              .join("; ") +
            (line.held > line.held_examples.length ? "; …" : "")}
      </td>
    </tr>
  );
}

function CutoffRow({ line }: { line: CutoffLine }) {
  return (
    <tr>
      <td>cut-off for {clean(line.verdict)}</td>
      <td class="number">{scoreOf(line.before)}</td>
      <td class="number">{scoreOf(line.after)}</td>
      <td class="number">–</td>
      <td class="number">{line.before === line.computed ? 0 : 1}</td>
      <td class="wide">
        {CUTOFF_REASONS[line.state] ?? clean(line.state)}
        {line.state !== "computed" && line.computed !== 0 && `, computed ${scoreOf(line.computed)}`}, of{" "}
        {countOf(line.sample, "transaction")}
      </td>
    </tr>
  );
}

function AcceptForm({ held, done }: { held: Held; done: () => void }) {
  const thresholds = (held.thresholds?.thresholds ?? []).filter((line) => line.held > 0);
  const cutoffs = (held.thresholds?.cutoffs ?? []).filter((line) => line.state === "held");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setProblem("");
    post("/api/nights/accept", {
      thresholds: form.getAll("threshold"),
      cutoffs: form.getAll("cutoff"),
      reason: form.get("reason"),
    })
      .then(done, (reason) => setProblem(messageOf(reason)))
      .finally(() => setBusy(false));
  };
  return (
    <form class="accept" onSubmit={submit}>
      <fieldset>
        <legend>Accept for the next night</legend>
        {thresholds.map((line) => (
          <label key={line.name}>
            <input type="checkbox" name="threshold" value={line.name} /> {clean(line.name)}
          </label>
        ))}
        {cutoffs.map((line) => (
          <label key={line.verdict}>
            <input type="checkbox" name="cutoff" value={line.verdict} /> the cut-off for {clean(line.verdict)}
          </label>
        ))}
        <label class="reason">
          Why they changed <input name="reason" required minLength={3} maxLength={500} />
        </label>
        <button type="submit" disabled={busy}>
          Accept
        </button>
      </fieldset>
      <p class="muted">
        The next night computes them again and takes what it finds, whatever their guards say. The reason is kept in the
        audit log and in that night's report.
      </p>
      {problem && <Notice bad>{clean(problem)}</Notice>}
    </form>
  );
}

function Acceptance({ held, may, done }: { held: Held; may: boolean; done: () => void }) {
  const [problem, setProblem] = useState("");
  const { acceptance } = held;
  if (!acceptance) return null;
  const names = [...acceptance.thresholds, ...acceptance.cutoffs.map((verdict) => `the cut-off for ${verdict}`)];
  return (
    <Notice>
      {clean(acceptance.source)} accepted {clean(names.join(", "))} on {dateTimeOf(acceptance.at)}:{" "}
      {clean(acceptance.reason)}. The next night takes it.{" "}
      {may && (
        <button
          type="button"
          onClick={() =>
            void post("/api/nights/take-back", {}).then(done, (reason) => setProblem(clean(messageOf(reason))))
          }
        >
          Take it back
        </button>
      )}{" "}
      {problem}
    </Notice>
  );
}

export function ThresholdsView({ session }: { session: Session }) {
  const { value, failure, reload } = usePolled((signal) => get<Held>("/api/nights/thresholds", {}, signal), 15000, []);
  const may = isAtLeast(session.role, "approver");
  const lines = value?.thresholds;
  const isHeld =
    (lines?.thresholds ?? []).some((line) => line.held > 0) ||
    (lines?.cutoffs ?? []).some((line) => line.state === "held");
  return (
    <>
      {failure && <Notice bad>{failure}</Notice>}
      {!value && !failure && <p class="muted">Loading…</p>}
      {value?.folder_problem && <Notice bad>{clean(value.folder_problem)}</Notice>}
      {value?.problem && <Notice>What the last night made of thresholds is not known: {clean(value.problem)}</Notice>}
      {value?.acceptance_problem && <Notice bad>{clean(value.acceptance_problem)}</Notice>}
      {value && <Acceptance held={value} may={may} done={reload} />}
      {value && lines && (
        <section class="panel" aria-labelledby="thresholds">
          <h2 id="thresholds">Thresholds of the night of {clean(lines.date)}</h2>
          {(lines.thresholds ?? []).length + (lines.cutoffs ?? []).length === 0 && (
            <p class="muted">The policy declares no thresholds and no budgets.</p>
          )}
          {lines.thresholds_reread_because && (
            <p class="muted">All records were read again: {clean(lines.thresholds_reread_because)}</p>
          )}
          <div class="scroll" role="region" aria-label="Thresholds" tabIndex={0}>
            <table class="rows">
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col" class="number">
                    Before
                  </th>
                  <th scope="col" class="number">
                    In force
                  </th>
                  <th scope="col" class="number">
                    Groups
                  </th>
                  <th scope="col" class="number">
                    Values changed
                  </th>
                  <th scope="col">Why</th>
                </tr>
              </thead>
              <tbody>
                {(lines.thresholds ?? []).map((line) => (
                  <ThresholdRow key={line.name} line={line} />
                ))}
                {(lines.cutoffs ?? []).map((line) => (
                  <CutoffRow key={line.verdict} line={line} />
                ))}
              </tbody>
            </table>
          </div>
          {(lines.flips ?? []).map((flip) => (
            <p key={`${flip.from} ${flip.to}`}>
              With them, {numberOf(flip.count)} of the last day's {numberOf(lines.compared ?? 0)} decisions would have
              gone from {clean(flip.from)} to {clean(flip.to)}:{" "}
              {flip.examples.map((id) => (
                <>
                  <a key={id} href={transactionAddress(id)}>
                    {clean(id)}
                  </a>{" "}
                </>
              ))}
            </p>
          ))}
          {isHeld && may && !value.acceptance && <AcceptForm held={value} done={reload} />}
          {isHeld && !may && <p class="muted">Accepting takes the role approver.</p>}
        </section>
      )}
    </>
  );
}
