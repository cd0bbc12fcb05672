// The policy: as a list of rules, as files to read and edit, and what was submitted. The draft that is shown is in the
// address; without one it is the live policy.
import { useEffect, useState } from "preact/hooks";
import { get, isAtLeast, post, type Session } from "../shared/api";
import { clean, dateTimeOf, numberOf } from "../shared/format";
import { Heading, messageOf, Notice, usePolled, VerdictMark } from "../shared/parts";
import { go, usePlace } from "../shared/router";
import {
  type Draft,
  loadPolicy,
  loadReport,
  type Policy,
  type PolicyRule,
  putInMode,
  type Report,
  rulesAddress,
} from "./rules_api";
import { ChangesView } from "./rules_changes";
import { Diff } from "./rules_diff";
import { FilesView, Problems } from "./rules_files";
import { MoneyCell, queryOf, RangeForm, ShareCell, ViewNotices } from "./performance";
import type { Performance, Rule as RuleFigures } from "./performance_api";
import { RulesTabs } from "./rules_tabs";
import "./rules.css";

// ---- the list ----

const RANGES = [1, 7, 30, 90];

// The same call as the screen of performance, so that a rule has the same figures on both. null: it did not fire;
// undefined: that is not known yet.
function Figures({ of, currency }: { of: RuleFigures | null | undefined; currency: string }) {
  if (!of)
    return (
      <>
        <td class="number">{of === null ? "0" : "…"}</td>
        <td class="number">–</td>
        <td class="number">–</td>
        <td class="number">–</td>
      </>
    );
  const isMature = of.transactions > 0;
  const nothing = <span title={`none of mature days, in ${clean(currency)}`}>–</span>;
  return (
    <>
      <td class="number">
        {numberOf(of.transactions + of.young)}
        {of.young > 0 && <small class="muted"> {numberOf(of.young)} young</small>}
      </td>
      <td class="number">{of.precision ? <ShareCell figure={of.precision} /> : "–"}</td>
      <td class="number">{isMature ? <MoneyCell money={of.caught_money} /> : nothing}</td>
      <td class="number">{isMature ? <MoneyCell money={of.stopped_wrongly} /> : nothing}</td>
    </>
  );
}

// young: the address of the same with every day as mature.
function FiguresNotices({ figures, young }: { figures: Performance; young: string }) {
  if (figures.empty) return <Notice>There are no decisions in the archive yet.</Notice>;
  return (
    <>
      <ViewNotices view={figures} />
      {figures.mature.transactions === 0 && (
        <Notice>
          No day of the range is mature yet, so there are fires alone. <a href={young}>Count every day as mature</a>
        </Notice>
      )}
    </>
  );
}

interface ListProps {
  rules: PolicyRule[];
  draft: Draft | undefined;
  mayEdit: boolean;
  onMode: (rule: PolicyRule, mode: string) => void;
}

function RuleTable({ rules, draft, mayEdit, onMode }: ListProps) {
  const [words, setWords] = useState("");
  const { path, query } = usePlace();
  const range = queryOf(query);
  const { value: figures, failure } = usePolled(
    (signal) => get<Performance>("/api/performance", range, signal),
    20000,
    [JSON.stringify(range)],
  );
  // The columns are there before the figures are, so that the table does not jump.
  const hasFigures = !failure || figures !== null;
  const byRule = figures && new Map(figures.rules.map((one) => [`${one.rule}/${one.shadow ? "shadow" : "live"}`, one]));
  const currency = clean(figures?.currency ?? "");
  const young = new URLSearchParams(query);
  young.set("mature", "0");
  const wanted = words.trim().toLowerCase();
  const shown = rules.filter((rule) => `${rule.name} ${rule.about} ${rule.file}`.toLowerCase().includes(wanted));
  return (
    <>
      <RangeForm view={figures} ranges={RANGES} />
      {failure && <Notice bad>No figures: {failure}</Notice>}
      {figures && <FiguresNotices figures={figures} young={`${path}?${young}`} />}
      <div class="bar-of-filters">
        <label>
          Find <input type="search" value={words} onInput={(event) => setWords(event.currentTarget.value)} />
        </label>
        <span class="muted">
          {shown.length} of {rules.length} rules
        </span>
      </div>
      <div class="scroll" role="region" aria-label="Rules" tabIndex={0}>
        <table class="rows rules">
          <thead>
            <tr>
              <th scope="col">Rule</th>
              <th scope="col">Mode</th>
              <th scope="col">Effect</th>
              {hasFigures && (
                <th scope="col" class="number">
                  Fires
                </th>
              )}
              {hasFigures && (
                <th scope="col" class="number">
                  Precision
                </th>
              )}
              {hasFigures && (
                <th scope="col" class="number">
                  Caught{currency && `, ${currency}`}
                </th>
              )}
              {hasFigures && (
                <th scope="col" class="number" title="declined, and not fraud">
                  Stopped wrongly{currency && `, ${currency}`}
                </th>
              )}
              <th scope="col">About</th>
              <th scope="col">Where</th>
              {mayEdit && <th scope="col">Propose</th>}
            </tr>
          </thead>
          <tbody>
            {shown.map((rule) => (
              <tr key={rule.name}>
                <th scope="row">{clean(rule.name)}</th>
                <td>
                  <span class={`mode mode-${rule.mode}`}>{rule.mode}</span>
                </td>
                <td class="short">
                  {rule.verdict && <VerdictMark verdict={rule.verdict} />}{" "}
                  {rule.score !== 0 && (rule.score > 0 ? `+${rule.score}` : numberOf(rule.score))}
                </td>
                {hasFigures && (
                  <Figures
                    of={byRule ? (byRule.get(`${rule.name}/${rule.mode}`) ?? null) : undefined}
                    currency={currency}
                  />
                )}
                <td class="about">{clean(rule.about.trim())}</td>
                <td>
                  <a href={rulesAddress("files", { draft: draft?.id, file: rule.file, line: rule.line })}>
                    {clean(rule.file)}:{rule.line}
                  </a>
                </td>
                {mayEdit && (
                  <td>
                    <button
                      aria-label={`${rule.mode === "live" ? "Put in shadow" : "Make live"}: ${clean(rule.name)}`}
                      onClick={() => onMode(rule, rule.mode === "live" ? "shadow" : "live")}
                    >
                      {rule.mode === "live" ? "Put in shadow" : "Make live"}
                    </button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

// ---- the draft ----

// What the draft changes, and sending it to be approved.
function Submit({ draft, report, onClose }: { draft: Draft; report: Report | null; onClose: () => void }) {
  const [message, setMessage] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const [backtest, setBacktest] = useState("");
  const { value, failure } = usePolled(
    (signal) => get<{ diff: string }>("/api/rules/diff", { draft: draft.id }, signal),
    0,
    [draft.id, draft.revision],
  );
  const submit = async () => {
    setBusy(true);
    setProblem("");
    try {
      const body = { draft: draft.id, message, ...(backtest ? { backtest: Number(backtest) } : {}) };
      const { submission } = await post<{ submission: number }>("/api/rules/submit", body);
      onClose();
      go(rulesAddress("changes", { submission }));
    } catch (reason) {
      setProblem(messageOf(reason));
    }
    setBusy(false);
  };
  return (
    <section class="decide" aria-label="Submit for approval">
      <h2>Submit for approval</h2>
      {failure && <Notice bad>{failure}</Notice>}
      {value && <Diff text={value.diff} />}
      {report && !report.sound && (
        <Notice bad>
          The server would refuse this policy: it has errors, or cases that fail. A rule in shadow changes scores, so
          cases that expect them change as well.
        </Notice>
      )}
      <label>
        What it changes, and why
        <textarea
          rows={3}
          maxLength={4000}
          value={message}
          onInput={(event) => setMessage(event.currentTarget.value)}
        />
      </label>
      <label class="inline">
        Number of a backtest, if there is one{" "}
        <input
          inputMode="numeric"
          pattern="[0-9]*"
          size={6}
          value={backtest}
          onInput={(event) => setBacktest(event.currentTarget.value)}
        />
      </label>
      {problem && <Notice bad>{clean(problem)}</Notice>}
      <button class="primary" disabled={busy || !report?.sound || message.trim() === ""} onClick={() => void submit()}>
        {busy ? "Submitting…" : "Submit"}
      </button>{" "}
      <button onClick={onClose}>Cancel</button>
    </section>
  );
}

function Rebase({ draft, onDone }: { draft: Draft; onDone: () => void }) {
  const [problem, setProblem] = useState("");
  const take = async (resolve: string) => {
    try {
      await post("/api/rules/draft/rebase", { draft: draft.id, resolve });
      setProblem("");
    } catch (reason) {
      setProblem(messageOf(reason));
    }
    onDone();
  };
  return (
    <Notice bad>
      The live policy has changed since this draft began. {problem && clean(problem)}{" "}
      {problem ? (
        <>
          <button onClick={() => void take("mine")}>Keep mine</button>{" "}
          <button onClick={() => void take("live")}>Take the live ones</button>
        </>
      ) : (
        <button onClick={() => void take("")}>Take over its changes</button>
      )}
    </Notice>
  );
}

function DraftBar({
  policy,
  report,
  view,
  onDone,
}: {
  policy: Policy;
  report: Report | null;
  view: string;
  onDone: () => void;
}) {
  const draft = policy.draft;
  const [submitting, setSubmitting] = useState(false);
  const [asking, setAsking] = useState(false);
  const [problem, setProblem] = useState("");
  if (!draft) return null;
  const changed = policy.files.filter((file) => file.change).length;
  const discard = async () => {
    try {
      await post("/api/rules/draft/discard", { draft: draft.id });
      go(rulesAddress(view, {}));
    } catch (reason) {
      setProblem(messageOf(reason));
    }
  };
  return (
    <>
      <div class="draft-bar">
        <span>
          <strong>Your draft</strong> {changed} {changed === 1 ? "file" : "files"} changed
          {report && (report.sound ? ", sound" : ", not sound")}
        </span>
        <button
          class="primary"
          disabled={changed === 0 || draft.base !== policy.live}
          onClick={() => setSubmitting(true)}
        >
          Submit…
        </button>
        <a href={rulesAddress(view, {})}>Show the live policy</a>
        {asking ? (
          <span>
            Discard it for good? <button onClick={() => void discard()}>Discard</button>{" "}
            <button onClick={() => setAsking(false)}>Keep</button>
          </span>
        ) : (
          <button class="plain" onClick={() => setAsking(true)}>
            Discard…
          </button>
        )}
      </div>
      {problem && <Notice bad>{clean(problem)}</Notice>}
      {draft.base !== policy.live && <Rebase draft={draft} onDone={onDone} />}
      {submitting && <Submit draft={draft} report={report} onClose={() => setSubmitting(false)} />}
    </>
  );
}

function LiveBar({ policy, view, file }: { policy: Policy; view: string; file: string }) {
  const [problem, setProblem] = useState("");
  const own = policy.drafts.filter((one) => one.base === policy.live);
  const older = policy.drafts.filter((one) => one.base !== policy.live);
  const begin = async () => {
    try {
      const { draft } = await post<{ draft: number }>("/api/rules/draft/begin", {});
      go(rulesAddress(view, { draft, file }));
    } catch (reason) {
      setProblem(messageOf(reason));
    }
  };
  return (
    <div class="draft-bar">
      <span>
        The live policy <code>{policy.live.slice(0, 16)}</code>
      </span>
      <button class="primary" onClick={() => void begin()}>
        {own.length > 0 ? "Go on with your draft" : "Edit"}
      </button>
      {older.map((one) => (
        <a key={one.id} href={rulesAddress(view, { draft: one.id })}>
          an older draft, of {dateTimeOf(one.changed)}
        </a>
      ))}
      {problem && <Notice bad>{clean(problem)}</Notice>}
    </div>
  );
}

// ---- the screen ----

export function RulesScreen({ session, query }: { session: Session; query: URLSearchParams }) {
  const view = query.get("view") ?? "list";
  const draft = Number(query.get("draft") ?? 0) || 0;
  const { value: policy, failure, reload } = usePolled((signal) => loadPolicy(draft, signal), 0, [draft]);
  const [report, setReport] = useState<Report | null>(null);
  const [vocabulary, setVocabulary] = useState<Report | null>(null);
  const [problem, setProblem] = useState("");
  const mayEdit = isAtLeast(session.role, "author");
  const isShown = policy && (policy.draft?.id ?? 0) === draft;

  useEffect(() => {
    const stop = new AbortController();
    setReport(null);
    loadReport(draft, stop.signal)
      .then(setReport)
      .catch((reason: unknown) => !stop.signal.aborted && setProblem(messageOf(reason)));
    return () => stop.abort();
  }, [draft, policy?.live]);

  // A draft that does not load has no names: then those of before, or of the live policy, are offered.
  useEffect(() => {
    if (report?.names) setVocabulary(report);
    else if (report && !vocabulary) loadReport(0).then(setVocabulary, () => undefined);
  }, [report]);

  const propose = async (rule: PolicyRule, mode: string) => {
    try {
      const own = await putInMode(draft, rule.name, mode);
      setProblem("");
      if (own === draft) {
        setReport(await loadReport(own));
        reload();
      } else go(rulesAddress("list", { draft: own }));
    } catch (reason) {
      setProblem(messageOf(reason));
    }
  };
  return (
    <div class="rules-screen">
      <Heading title="Rules" />
      <RulesTabs view={view} draft={draft} />
      {failure && <Notice bad>{failure}</Notice>}
      {problem && <Notice bad>{clean(problem)}</Notice>}
      {!isShown && !failure && <p class="muted">Loading…</p>}
      {isShown && view !== "changes" && mayEdit && draft === 0 && (
        <LiveBar policy={policy} view={view} file={query.get("file") ?? ""} />
      )}
      {isShown && view !== "changes" && <DraftBar policy={policy} report={report} view={view} onDone={reload} />}
      {isShown && view === "list" && !report && !problem && <p class="muted">Checking the policy…</p>}
      {isShown && view === "list" && report && !report.rules && (
        <Notice bad>
          The policy has errors, so its rules cannot be listed:{" "}
          <a href={rulesAddress("files", { draft })}>see its files</a>.
        </Notice>
      )}
      {isShown && view === "list" && report && !report.sound && <Problems report={report} draft={draft} />}
      {isShown && view === "list" && report?.rules && (
        <RuleTable
          rules={report.rules}
          draft={policy.draft}
          mayEdit={mayEdit}
          onMode={(rule, mode) => void propose(rule, mode)}
        />
      )}
      {isShown && view === "files" && (
        <FilesView
          policy={policy}
          report={report}
          vocabulary={vocabulary}
          path={query.get("file") ?? ""}
          line={Number(query.get("line") ?? 0) || 0}
          onReport={setReport}
          onChanged={reload}
        />
      )}
      {isShown && view === "changes" && (
        <ChangesView
          policy={policy}
          session={session}
          submission={Number(query.get("submission") ?? 0) || 0}
          onDone={reload}
        />
      )}
    </div>
  );
}
