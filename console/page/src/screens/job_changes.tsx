// The decisions that a backtest changes, a page at a time.
import { useEffect, useState } from "preact/hooks";
import { get } from "../shared/api";
import { clean, dateTimeOf, numberOf } from "../shared/format";
import { messageOf, Money, Notice, Reasons, VerdictMark } from "../shared/parts";
import { go, transactionAddress, usePlace } from "../shared/router";
import type { Change, Report, Side } from "./jobs_api";

const VERDICTS = ["approve", "review", "challenge", "decline"] as const;

function reasonsOf(side: Side) {
  return side.reasons
    .filter((reason) => !reason.shadow && !reason.suppressed)
    .map((reason) => ({ rule: reason.rule, text: reason.text, score: 0 }));
}

function SideCells({ side }: { side: Side }) {
  return (
    <>
      <td>
        <VerdictMark verdict={side.verdict} />
      </td>
      <td class="number">{side.score}</td>
      <td class="wide">
        <Reasons reasons={reasonsOf(side)} most={2} />
      </td>
    </>
  );
}

function Rows({ changes }: { changes: Change[] }) {
  return (
    <div class="scroll" role="region" aria-label="Decisions that would change" tabIndex={0}>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Transaction</th>
            <th scope="col">Time</th>
            <th scope="col" class="number">
              Amount
            </th>
            <th scope="col">Outcome</th>
            <th scope="col">Before</th>
            <th scope="col" class="number">
              Score
            </th>
            <th scope="col">Reasons</th>
            <th scope="col">After</th>
            <th scope="col" class="number">
              Score
            </th>
            <th scope="col">Reasons</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((change) => (
            <tr key={change.position}>
              <td class="id">
                <a href={transactionAddress(change.id)}>{clean(change.id)}</a>
              </td>
              <td class="short">{dateTimeOf(change.event_time)}</td>
              <td class="number">
                {change.amount === null ? "–" : <Money amount={change.amount} currency={change.currency ?? ""} />}
              </td>
              <td>{change.outcome === "none" ? <span class="muted">none</span> : clean(change.outcome)}</td>
              <SideCells side={change.against} />
              <SideCells side={change.replayed} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// The filter is in the address; "step stricter", or "before after" as "review approve".
function Filter({ report, id, shown }: { report: Report; id: number; shown: string }) {
  const pairs = VERDICTS.flatMap((before, i) =>
    VERDICTS.flatMap((after, j) => {
      const count = report.matrix[i]?.[j] ?? 0;
      return i !== j && count > 0 ? [{ before, after, count, stricter: j > i }] : [];
    }),
  );
  const sum = (stricter: boolean) =>
    pairs.filter((pair) => pair.stricter === stricter).reduce((all, pair) => all + pair.count, 0);
  return (
    <label>
      Show{" "}
      <select
        value={shown}
        onChange={(event) => go(`/job?${new URLSearchParams({ id: String(id), show: event.currentTarget.value })}`)}
      >
        <option value="">all {numberOf(report.changed.total)}</option>
        {sum(true) > 0 && <option value="stricter">stricter than before: {numberOf(sum(true))}</option>}
        {sum(false) > 0 && <option value="milder">milder than before: {numberOf(sum(false))}</option>}
        {pairs.map(({ before, after, count }) => (
          <option key={`${before} ${after}`} value={`${before} ${after}`}>
            {before} → {after}: {numberOf(count)}
          </option>
        ))}
      </select>
    </label>
  );
}

function queryOf(shown: string): Record<string, string> {
  const [before, after] = shown.split(" ");
  return after ? { before: before ?? "", after } : shown ? { step: shown } : {};
}

interface Page {
  changes: Change[];
  next?: number;
}

export function Changes({ report, id }: { report: Report; id: number }) {
  const { query } = usePlace();
  const shown = query.get("show") ?? "";
  const [pages, setPages] = useState<Page>({ changes: [] });
  const [problem, setProblem] = useState("");
  const load = async (at: number, before: Change[], signal?: AbortSignal) => {
    try {
      const page = await get<Page>("/api/jobs/changes", { id, at, ...queryOf(shown) }, signal);
      if (signal?.aborted) return;
      setProblem("");
      setPages({ ...page, changes: [...before, ...page.changes] });
    } catch (reason) {
      if (!signal?.aborted) setProblem(messageOf(reason));
    }
  };
  useEffect(() => {
    const stop = new AbortController();
    setPages({ changes: [] });
    void load(0, [], stop.signal);
    return () => stop.abort();
  }, [id, shown]);
  const { changed } = report;
  return (
    <>
      <h2>Decisions that would change</h2>
      <p>
        {changed.total === 0
          ? "No verdict would change."
          : `${numberOf(changed.total)} verdicts would change, and ${numberOf(changed.other_scores)} scores beside them.`}
        {changed.sampled &&
          ` Of these, ${numberOf(changed.count)} are listed, chosen by their ids; the figures above count all.`}
      </p>
      {problem && <Notice bad>{clean(problem)}</Notice>}
      {changed.total > 0 && <Filter report={report} id={id} shown={shown} />}
      {pages.changes.length > 0 && <Rows changes={pages.changes} />}
      {pages.next !== undefined && (
        <button type="button" onClick={() => void load(pages.next ?? 0, pages.changes)}>
          More
        </button>
      )}
    </>
  );
}
