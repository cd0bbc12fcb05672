// One job: how far it is, and what it came to. The report is drawn here from its figures; the replay's own page, which
// has its script inside, is a file to be saved.
import { useState } from "preact/hooks";
import { get, isAtLeast, post, type Session } from "../shared/api";
import { clean, dateTimeOf, numberOf } from "../shared/format";
import { Heading, messageOf, Notice, usePolled } from "../shared/parts";
import { Changes } from "./job_changes";
import { ReportFigures } from "./job_report";
import { TuningFigures } from "./job_tuning";
import { isOver, type JobResult } from "./jobs_api";
import { ProgressBar, requestOf, StateMark, titleOf } from "./jobs";

function Buttons(props: { result: JobResult; reload: () => void; tell: (problem: string) => void }) {
  const { result, reload, tell } = props;
  const { job } = result;
  const send = (path: string) => {
    tell("");
    post(path, { id: job.id }).then(reload, (reason) => tell(messageOf(reason)));
  };
  if (!isOver(job.state))
    return (
      <button type="button" disabled={job.progress?.ending} onClick={() => send("/api/jobs/cancel")}>
        Cancel
      </button>
    );
  if (job.state === "done") return null;
  return (
    <button type="button" onClick={() => send("/api/jobs/again")}>
      Begin it again
    </button>
  );
}

function Facts({ result }: { result: JobResult }) {
  const { job } = result;
  return (
    <dl class="facts job-facts">
      <div>
        <dt>State</dt>
        <dd>
          <StateMark job={job} />
        </dd>
      </div>
      <div>
        <dt>Asked for</dt>
        <dd>{requestOf(job)}</dd>
      </div>
      <div>
        <dt>By</dt>
        <dd>
          {clean(job.person)}, {dateTimeOf(job.made)}
        </dd>
      </div>
      {job.started && job.ended && (
        <div>
          <dt>Took</dt>
          <dd>{numberOf(Math.round((Date.parse(job.ended) - Date.parse(job.started)) / 100) / 10)} s</dd>
        </div>
      )}
    </dl>
  );
}

export function JobScreen({ id, session }: { id: string; session: Session }) {
  const [every, setEvery] = useState(1000);
  const [problem, setProblem] = useState("");
  const { value, failure, reload } = usePolled(
    async (signal) => {
      const loaded = await get<JobResult>("/api/jobs/result", { id }, signal);
      setEvery(isOver(loaded.job.state) ? 0 : 1000);
      return loaded;
    },
    every,
    [id, every],
  );
  const mayChange = isAtLeast(session.role, "author");
  if (!value)
    return (
      <>
        <Heading title={`Job ${clean(id)}`} />
        {failure ? <Notice bad>{failure}</Notice> : <p class="muted">Loading…</p>}
      </>
    );
  const again = () => {
    setEvery(1000);
    reload();
  };
  return (
    <>
      <Heading title={titleOf(value.job)} />
      <p>
        <a href="/jobs">All jobs</a>
      </p>
      {failure && <Notice bad>{failure}</Notice>}
      {problem && <Notice bad>{clean(problem)}</Notice>}
      <section class="panel" aria-label="The job">
        <Facts result={value} />
        {value.job.progress && <ProgressBar progress={value.job.progress} />}
        {value.job.problem && (
          <Notice bad>
            <span class="job-problem">{value.job.problem.split("\n").map(clean).join("\n")}</span>
          </Notice>
        )}
        {mayChange && <Buttons result={value} reload={again} tell={setProblem} />}
      </section>
      {value.report && <ReportFigures report={value.report} id={value.job.id} />}
      {value.report && <Changes report={value.report} id={value.job.id} />}
      {value.tuning && <TuningFigures tuning={value.tuning} job={value.job} mayChange={mayChange} />}
    </>
  );
}
