// Figures of the live screen: the day's alerts, the server's latency, and from when on it counts.
import { type Latency, type Live } from "../shared/api";
import { clean, numberOf, shareOf, timeOf } from "../shared/format";
import "./live_figures.css";

export function AlertsToday({ live }: { live: Live }) {
  const { alerts_today: used, alerts_a_day: most } = live;
  return (
    <div>
      <dt>For review today (UTC)</dt>
      <dd class={most > 0 && used > most ? "over" : undefined}>
        {numberOf(used)}{" "}
        {most > 0 && (
          <small>
            of {numberOf(most)}, {shareOf(used, most)}
          </small>
        )}
      </dd>
    </div>
  );
}

// Upper bounds of a histogram: what half, and 99 in 100, of the requests took at most.
function durationOf(us: number | null | undefined): string {
  if (us === null || us === undefined) return "–";
  return us < 1000 ? `${numberOf(us)} µs` : `${numberOf(us / 1000)} ms`;
}

export function LatencyNow({ latency }: { latency: Latency | null }) {
  if (!latency) return null;
  return (
    <div>
      <dt>Latency, 99 in 100 within</dt>
      <dd title={clean(latency.problem)}>
        {latency.problem ? "not known" : durationOf(latency.p99_us)}{" "}
        {!latency.problem && latency.requests !== null && <small>half within {durationOf(latency.p50_us)}</small>}
      </dd>
    </div>
  );
}

// The minutes before it are not known, rather than empty.
export function Since({ live }: { live: Live }) {
  const first = live.minutes[0];
  if (!live.since || !first || live.since <= first.at) return null;
  return <p class="muted">Counted from {timeOf(live.since)} on.</p>;
}
