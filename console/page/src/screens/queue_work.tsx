// Who decided what on which day, and how long it took. Approvers and admins see everybody's work, others their own.
import { useEffect, useState } from "preact/hooks";
import { get } from "../shared/api";
import { clean, numberOf } from "../shared/format";
import { messageOf } from "../shared/parts";
import { minutesAhead } from "../shared/zone";

interface Work {
  all: boolean;
  work: {
    day: string;
    person: string;
    fraud: number;
    legit: number;
    unsure: number;
    median_s: number;
    longest_s: number;
  }[];
}

const DAYS = 14;

function durationOf(seconds: number): string {
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

function Table({ work }: { work: Work }) {
  if (work.work.length === 0)
    return (
      <p class="muted">
        {work.all ? "Nobody has" : "You have"} decided anything in the last {DAYS} days.
      </p>
    );
  return (
    <div class="scroll" role="region" aria-label="Work by day and person" tabIndex={0}>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Day</th>
            <th scope="col">Who</th>
            {["Fraud", "Legit", "Unsure", "Median time", "Longest"].map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {work.work.map((row) => (
            <tr key={`${row.day} ${row.person}`}>
              <td class="short">{row.day}</td>
              <td>{clean(row.person)}</td>
              <td class="number">{numberOf(row.fraud)}</td>
              <td class="number">{numberOf(row.legit)}</td>
              <td class="number">{numberOf(row.unsure)}</td>
              <td class="number">{durationOf(row.median_s)}</td>
              <td class="number">{durationOf(row.longest_s)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Work() {
  const [open, setOpen] = useState(false);
  const [work, setWork] = useState<Work | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    if (!open) return;
    setProblem("");
    get<Work>("/api/reviews/work", { days: DAYS, ahead: minutesAhead(new Date()) }).then(setWork, (reason) =>
      setProblem(messageOf(reason)),
    );
  }, [open]);
  return (
    <details class="work" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Who decided what, in the last {DAYS} days; time from receipt to decision</summary>
      {problem && <p class="bad">{clean(problem)}</p>}
      {work && <Table work={work} />}
    </details>
  );
}
