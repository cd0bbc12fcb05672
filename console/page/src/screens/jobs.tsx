// Jobs: backtests and tunings that wait, run or are done, and the forms that begin one.
import { useState } from "preact/hooks";
import { get, isAtLeast, post, type Session } from "../shared/api";
import { clean, dateTimeOf, numberOf } from "../shared/format";
import { Heading, messageOf, Notice, usePolled } from "../shared/parts";
import { go, usePlace } from "../shared/router";
import { TabLinks } from "../shared/tabs";
import { inputOf, instantOf } from "../shared/zone";
import { isOver, type Job, type Progress } from "./jobs_api";
import "./jobs.css";

// ---- parts that the screen of one job has, too ----

export function StateMark({ job }: { job: Job }) {
  return <span class={`job-state job-${job.state}`}>{job.state}</span>;
}

function leftOf(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 90 ? `${seconds} s left` : `${Math.round(seconds / 60)} min left`;
}

const PHASES: Record<string, string> = {
  scan: "reading what the archive has",
  replay: "deciding again",
  search: "searching for better numbers",
};

export function ProgressBar({ progress }: { progress: Progress }) {
  const phase = PHASES[progress.phase] ?? (clean(progress.phase) || "starting");
  const share = progress.total > 0 ? progress.done / progress.total : undefined;
  return (
    <div class="job-progress">
      <progress value={share} max={1} aria-label="Progress of this part of the job" />
      <small class="muted">
        {progress.ending ? "ending" : phase}
        {share !== undefined && `, ${Math.floor(share * 100)}%`}
        {progress.total > 0 && ` of ${numberOf(progress.total)}`}
        {progress.left_ms !== undefined && `, ${leftOf(progress.left_ms)}`}
        {progress.steps > 1 && ` (part ${progress.step} of ${progress.steps})`}
      </small>
    </div>
  );
}

export function titleOf(job: Job): string {
  return `${job.kind === "tune" ? "Tuning" : "Backtest"} ${job.id}`;
}

const WORDS: Record<string, string> = {
  policy: "policy",
  draft: "draft",
  against: "against",
  from: "from",
  to: "to",
  train_from: "training from",
  train_until: "until",
  test_from: "test from",
  test_until: "until",
};
const TIMES = ["from", "to", "train_from", "train_until", "test_from", "test_until"];

export function requestOf(job: Job): string {
  const order = Object.keys(WORDS);
  return Object.entries(job.request)
    .sort(([a], [b]) => (order.indexOf(a) + 1 || 99) - (order.indexOf(b) + 1 || 99))
    .map(([name, value]) => {
      const shown = TIMES.includes(name) ? dateTimeOf(String(value)) : clean(String(value));
      return `${WORDS[name] ?? name.replaceAll("_", " ")} ${shown}`;
    })
    .join(", ");
}

// ---- the forms ----

// Midnight of a day, as clocks of the chosen zone show it.
function daysAgo(days: number): string {
  return `${inputOf(new Date(Date.now() - days * 86400000).toISOString()).slice(0, 10)}T00:00`;
}

function Time({ name, text, days, query }: { name: string; text: string; days: number; query: URLSearchParams }) {
  return (
    <label>
      {text}
      <input name={name} type="datetime-local" required defaultValue={inputOf(query.get(name)) || daysAgo(days)} />
    </label>
  );
}

function PolicyChoice({ query }: { query: URLSearchParams }) {
  const draft = query.get("draft");
  return (
    <label>
      Policy
      <select name="policy">
        {draft && <option value={`draft ${draft}`}>draft {draft}</option>}
        <option value="current">the live one</option>
        <option value="previous">the one before it</option>
      </select>
    </label>
  );
}

function bodyOf(form: HTMLFormElement, kind: string): Record<string, string | number> {
  const body: Record<string, string | number> = { kind };
  for (const [name, value] of new FormData(form)) {
    if (typeof value !== "string" || value.trim() === "") continue;
    body[name] = TIMES.includes(name) ? instantOf(value).toISOString() : value.trim();
  }
  const draft = /^draft (\d+)$/.exec(String(body["policy"]));
  if (draft) {
    delete body["policy"];
    body["draft"] = Number(draft[1]);
  }
  return body;
}

function Backtest({ query, send }: { query: URLSearchParams; send: (event: SubmitEvent) => void }) {
  return (
    <form class="job-form" onSubmit={send} aria-label="Backtest">
      <PolicyChoice query={query} />
      <label>
        Compared with
        <select name="against">
          <option value="served">what was decided then</option>
          <option value="current" selected={query.has("draft")}>
            the live policy
          </option>
          <option value="previous">the policy before the live one</option>
        </select>
      </label>
      <Time name="from" text="From" days={7} query={query} />
      <Time name="to" text="To" days={-1} query={query} />
      <label>
        Count no outcome as legit after
        <select name="outcomes_after">
          <option value="">at once</option>
          <option value="7d">7 days</option>
          <option value="30d">30 days</option>
          <option value="90d">90 days</option>
        </select>
      </label>
      <label>
        Price of a review
        <input name="review_price" inputMode="decimal" placeholder="5" pattern="[0-9]+([.][0-9]+)?" />
      </label>
      <p class="send">
        <button type="submit">Begin the backtest</button>{" "}
        <small class="muted">
          Every transaction is decided on what was known at its time. Features that count verdicts follow those that
          were served.
        </small>
      </p>
    </form>
  );
}

function Tune({ query, send }: { query: URLSearchParams; send: (event: SubmitEvent) => void }) {
  return (
    <form class="job-form" onSubmit={send} aria-label="Tuning">
      <PolicyChoice query={query} />
      <Time name="train_from" text="Search from" days={30} query={query} />
      <Time name="train_until" text="Search until" days={10} query={query} />
      <Time name="test_from" text="Test from" days={10} query={query} />
      <Time name="test_until" text="Test until" days={-1} query={query} />
      <label>
        Alerts a day, at most
        <input name="budget" inputMode="decimal" placeholder="as many as now" pattern="[0-9]+([.][0-9]+)?" />
      </label>
      <label>
        Target
        <input name="target" placeholder="precision>=0.9" pattern="(precision|recall) *>= *(0?[.][0-9]+|1)" />
      </label>
      <label>
        Catch most
        <select name="catch">
          <option value="frauds">frauds</option>
          <option value="money">of their money</option>
        </select>
      </label>
      <label>
        May change
        <select name="only">
          <option value="">scores, limits and cut-offs</option>
          <option value="scores">scores</option>
          <option value="limits">limits</option>
          <option value="cutoffs">cut-offs</option>
          <option value="scores,limits">scores and limits</option>
        </select>
      </label>
      <label>
        Of these rules
        <input name="rules" placeholder="all live ones; names with commas" defaultValue={query.get("rule") ?? ""} />
      </label>
      <p class="send">
        <button type="submit">Begin the tuning</button>{" "}
        <small class="muted">The test begins where the search ends, or later. Nothing is written over.</small>
      </p>
    </form>
  );
}

function Forms({ query, changed }: { query: URLSearchParams; changed: () => void }) {
  const [problem, setProblem] = useState("");
  const isTune = query.get("new") === "tune";
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    const body = bodyOf(event.currentTarget as HTMLFormElement, isTune ? "tune" : "backtest");
    if (body["budget"] !== undefined) body["budget"] = `${body["budget"]}/day`;
    setProblem("");
    post<{ id: number }>("/api/jobs/begin", body).then(
      ({ id }) => go(`/job?id=${id}`),
      (reason) => {
        setProblem(messageOf(reason));
        changed();
      },
    );
  };
  const more = query.get("draft") ? `&draft=${Number(query.get("draft"))}` : "";
  return (
    <section class="panel" aria-label="New job">
      <TabLinks
        label="Kind of job"
        tabs={[
          { name: "New backtest", address: `/jobs?new=backtest${more}`, current: !isTune },
          { name: "New tuning", address: `/jobs?new=tune${more}`, current: isTune },
        ]}
      />
      {problem && <Notice bad>{clean(problem)}</Notice>}
      {isTune ? <Tune query={query} send={send} /> : <Backtest query={query} send={send} />}
    </section>
  );
}

// ---- the list ----

export function JobsScreen({ session }: { session: Session }) {
  const { query } = usePlace();
  const { value, failure, reload } = usePolled((signal) => get<{ jobs: Job[] }>("/api/jobs", {}, signal), 2000, []);
  const jobs = value?.jobs ?? [];
  return (
    <>
      <Heading title="Jobs" />
      {failure && <Notice bad>{failure}</Notice>}
      {isAtLeast(session.role, "author") ? (
        <Forms key={query.toString()} query={query} changed={reload} />
      ) : (
        <p class="muted">Backtests and tunings are begun by authors; you see what they came to.</p>
      )}
      {jobs.length > 0 && (
        <div class="scroll" role="region" aria-label="Jobs, the newest first" tabIndex={0}>
          <table class="rows">
            <thead>
              <tr>
                <th scope="col">Job</th>
                <th scope="col">State</th>
                <th scope="col">Asked for</th>
                <th scope="col">By</th>
                <th scope="col">When</th>
              </tr>
            </thead>
            <tbody>
              {jobs.map((job) => (
                <tr key={job.id}>
                  <td class="short">
                    <a href={`/job?id=${job.id}`}>{titleOf(job)}</a>
                  </td>
                  <td>
                    <StateMark job={job} />
                    {job.progress && <ProgressBar progress={job.progress} />}
                    {job.problem && <div class="muted job-problem">{clean(job.problem.split("\n").pop() ?? "")}</div>}
                  </td>
                  <td class="wide">{requestOf(job)}</td>
                  <td>{clean(job.person)}</td>
                  <td class="short">{dateTimeOf(isOver(job.state) ? (job.ended ?? job.made) : job.made)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {!value && !failure && <p class="muted">Loading…</p>}
      {value && jobs.length === 0 && <p class="muted">There are no jobs yet.</p>}
      {jobs.length > 0 && (
        <p class="muted job-bounds">
          The newest 50 jobs that have ended are kept, for 90 days at most, and as long as they fit in 512 MiB.
        </p>
      )}
    </>
  );
}
