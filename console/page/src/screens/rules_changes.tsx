// What was submitted and what became of it, and going back to a policy as it was.
import { useEffect, useState } from "preact/hooks";
import { get, isAtLeast, post, type Session } from "../shared/api";
import { clean, dateTimeOf } from "../shared/format";
import { messageOf, Notice, usePolled } from "../shared/parts";
import { go } from "../shared/router";
import {
  type Adoption,
  type Policy,
  type Report,
  rulesAddress,
  type ShownSubmission,
  type Submission,
} from "./rules_api";
import { Diff } from "./rules_diff";

function StateMark({ state }: { state: string }) {
  return <span class={`state state-${state}`}>{state}</span>;
}

const title = (it: Submission) => (it.kind === "rollback" ? `Roll back: ${it.message}` : it.message);

function CaseResult({ text }: { text: string }) {
  let report: Report | null = null;
  try {
    report = JSON.parse(text) as Report;
  } catch {
    return null;
  }
  const warnings = (report.diagnostics ?? []).filter((one) => one.severity === "warning");
  return (
    <>
      <p>
        Checked when it was submitted: {report.case_count ?? 0} cases, {report.failed ?? 0} failed; {warnings.length}{" "}
        {warnings.length === 1 ? "warning" : "warnings"}.
      </p>
      {warnings.length > 0 && (
        <ul class="problems">
          {warnings.map((one, i) => (
            <li key={i}>
              {clean(one.file)}:{one.line} {clean(one.message)}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

// What the person may do with an open one.
function Decide({ it, session, onDone }: { it: ShownSubmission; session: Session; onDone: () => void }) {
  const [comment, setComment] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState("");
  const isOwn = session.person === it.author;
  const act = async (what: "approve" | "reject" | "withdraw") => {
    setBusy(what);
    setProblem("");
    try {
      await post(`/api/rules/${what}`, {
        submission: it.id,
        comment,
        ...(what === "approve" ? { hash: it.version } : {}),
      });
    } catch (reason) {
      setProblem(messageOf(reason));
    }
    setBusy("");
    onDone();
  };
  if (it.state !== "open") return null;
  if (it.under_way) return <Notice>It is being put in place.</Notice>;
  if (isOwn)
    return (
      <div class="decide">
        <p>Another person, with the role approver or admin, decides about it.</p>
        {problem && <Notice bad>{clean(problem)}</Notice>}
        <button disabled={busy !== ""} onClick={() => void act("withdraw")}>
          Withdraw
        </button>
      </div>
    );
  if (!isAtLeast(session.role, "approver")) return <p class="muted">It waits for an approver.</p>;
  return (
    <div class="decide">
      <label>
        Comment
        <textarea
          rows={2}
          maxLength={4000}
          value={comment}
          onInput={(event) => setComment(event.currentTarget.value)}
        />
      </label>
      {problem && <Notice bad>{clean(problem)}</Notice>}
      <button class="primary" disabled={busy !== ""} onClick={() => void act("approve")}>
        {busy === "approve" ? "Putting it in place…" : "Approve and put in place"}
      </button>{" "}
      <button disabled={busy !== "" || comment.trim() === ""} onClick={() => void act("reject")}>
        Reject
      </button>{" "}
      <small>To reject it, say why.</small>
    </div>
  );
}

function OneSubmission({
  id,
  session,
  policy,
  onDone,
}: {
  id: number;
  session: Session;
  policy: Policy;
  onDone: () => void;
}) {
  const {
    value: it,
    failure,
    reload,
  } = usePolled((signal) => get<ShownSubmission>("/api/rules/submission", { id }, signal), 0, [id]);
  const done = () => {
    reload();
    onDone();
  };
  if (failure) return <Notice bad>{failure}</Notice>;
  if (!it) return <p class="muted">Loading…</p>;
  return (
    <article class="submission" aria-label={`Submission ${it.id}`}>
      <h2>
        {clean(title(it))} <StateMark state={it.state} />
      </h2>
      <p>
        {clean(it.author)}, {dateTimeOf(it.submitted)}
        {it.decided && ` · ${it.state} by ${clean(it.decided_by)}, ${dateTimeOf(it.decided)}`}
        {it.comment && ` · “${clean(it.comment)}”`}
      </p>
      {it.result && (
        <pre class={it.state === "approved" ? "result" : "result bad"}>
          {it.result.split("\n").map(clean).join("\n")}
        </pre>
      )}
      <p class="muted">
        From <code>{it.base.slice(0, 16)}</code> to <code>{it.version.slice(0, 16)}</code>
        {it.backtest > 0 && (
          <>
            {" · "}
            <a href={`/job?${new URLSearchParams({ id: String(it.backtest) })}`}>backtest {it.backtest}</a>
          </>
        )}
      </p>
      {it.state === "open" && it.base !== policy.live && (
        <Notice bad>
          The live policy has changed since: this cannot be approved any more. Its author takes over what has changed,
          and submits it again.
        </Notice>
      )}
      {it.kind === "change" && <CaseResult text={it.report} />}
      <Diff text={it.diff} />
      <Decide it={it} session={session} onDone={done} />
    </article>
  );
}

function History({ policy, session, onDone }: { policy: Policy; session: Session; onDone: () => void }) {
  const { value, failure, reload } = usePolled(
    (signal) => get<{ policies: Adoption[] }>("/api/rules/history", {}, signal),
    0,
    [policy.live],
  );
  const [chosen, setChosen] = useState<Adoption | null>(null);
  const [diff, setDiff] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const may = isAtLeast(session.role, "approver");

  useEffect(() => {
    const stop = new AbortController();
    setDiff(null);
    setProblem("");
    if (chosen)
      get<{ diff: string }>("/api/rules/compare", { position: chosen.position }, stop.signal)
        .then((found) => setDiff(found.diff))
        .catch((reason: unknown) => !stop.signal.aborted && setProblem(messageOf(reason)));
    return () => stop.abort();
  }, [chosen]);

  const rollBack = async () => {
    if (!chosen) return;
    setBusy(true);
    setProblem("");
    try {
      const it = await post<Submission>("/api/rules/rollback", {
        position: chosen.position,
        live: policy.live,
        reason,
      });
      setChosen(null);
      setReason("");
      reload();
      go(rulesAddress("changes", { submission: it.id }));
    } catch (reason) {
      setProblem(messageOf(reason));
    }
    setBusy(false);
    onDone();
  };
  return (
    <section aria-labelledby="history">
      <h2 id="history">Policies as they were</h2>
      {failure && <Notice bad>{failure}</Notice>}
      {!value && !failure && <p class="muted">Loading…</p>}
      <div class="scroll" role="region" aria-label="Policies as they were" tabIndex={0}>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">In force from</th>
              <th scope="col">until</th>
              <th scope="col">Policy</th>
              <th scope="col">Snapshot</th>
              {may && <th scope="col">Go back</th>}
            </tr>
          </thead>
          <tbody>
            {(value?.policies ?? []).map((one) => (
              <tr key={one.position}>
                <td class="short">{dateTimeOf(one.from)}</td>
                <td class="short">{one.until ? dateTimeOf(one.until) : "now"}</td>
                <td>{clean(one.name)}</td>
                <td>
                  <code>{one.snapshot}</code>
                </td>
                {may && (
                  <td>
                    {one.snapshot !== policy.live.slice(0, 16) && (
                      <button onClick={() => setChosen(one)} aria-label={`Compare with ${one.snapshot}`}>
                        Compare
                      </button>
                    )}
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {chosen && (
        <div class="decide" role="group" aria-label="Roll back">
          <p>
            Back to <code>{chosen.snapshot}</code> of {dateTimeOf(chosen.from)}: this is what changes.
          </p>
          {diff !== null && <Diff text={diff} />}
          {problem && <Notice bad>{clean(problem)}</Notice>}
          <label>
            Reason
            <textarea
              rows={2}
              maxLength={4000}
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          </label>
          <button
            class="primary"
            disabled={busy || diff === null || reason.trim() === ""}
            onClick={() => void rollBack()}
          >
            {busy ? "Rolling back…" : "Roll back"}
          </button>{" "}
          <button onClick={() => setChosen(null)}>Cancel</button>
        </div>
      )}
    </section>
  );
}

function SubmissionTable({ submissions, current }: { submissions: Submission[]; current: number }) {
  return (
    <div class="scroll" role="region" aria-label="Submissions" tabIndex={0}>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">No.</th>
            <th scope="col">What</th>
            <th scope="col">State</th>
            <th scope="col">By</th>
            <th scope="col">When</th>
            <th scope="col">Decided by</th>
          </tr>
        </thead>
        <tbody>
          {submissions.map((it) => (
            <tr key={it.id} class={it.id === current ? "current" : ""}>
              <td>{it.id}</td>
              <td>
                <a href={rulesAddress("changes", { submission: it.id })}>{clean(title(it))}</a>
              </td>
              <td>
                <StateMark state={it.under_way ? "under way" : it.state} />
              </td>
              <td>{clean(it.author)}</td>
              <td class="short">{dateTimeOf(it.submitted)}</td>
              <td>{clean(it.decided_by) || "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function ChangesView({
  policy,
  session,
  submission,
  onDone,
}: {
  policy: Policy;
  session: Session;
  submission: number;
  onDone: () => void;
}) {
  const { value, failure, reload } = usePolled(
    (signal) => get<{ submissions: Submission[] }>("/api/rules/submissions", {}, signal),
    10000,
    [policy.live, submission],
  );
  const done = () => {
    reload();
    onDone();
  };
  return (
    <>
      {failure && <Notice bad>{failure}</Notice>}
      {submission > 0 && <OneSubmission id={submission} session={session} policy={policy} onDone={done} />}
      <h2>Submissions</h2>
      {value && value.submissions.length > 0 && (
        <SubmissionTable submissions={value.submissions} current={submission} />
      )}
      {value?.submissions.length === 0 && <p class="muted">Nothing has been submitted yet.</p>}
      <History policy={policy} session={session} onDone={done} />
    </>
  );
}
