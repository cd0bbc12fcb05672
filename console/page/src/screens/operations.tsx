// The server's state.
import { get, type Status } from "../shared/api";
import { clean, dateTimeOf, numberOf } from "../shared/format";
import { Heading, Notice, usePolled } from "../shared/parts";

export function OperationsScreen() {
  const { value, failure } = usePolled((signal) => get<Status>("/api/status", {}, signal), 5000, []);
  return (
    <>
      <Heading title="Operations" />
      {failure && <Notice bad>{failure}</Notice>}
      {value && <StatusPanel status={value} />}
    </>
  );
}

function StatusPanel({ status }: { status: Status }) {
  const facts: [string, string][] = [
    ["State", status.state + (status.state_reason ? `: ${status.state_reason}` : "")],
    ["Version", status.version],
    ["Up since", dateTimeOf(status.started)],
    ["Policy", `${status.policy} (${status.snapshot})`],
    ["Transactions", numberOf(status.transactions)],
    ["Outcomes", numberOf(status.outcomes)],
    ["Archive", `position ${numberOf(status.position)}, synced to ${numberOf(status.synced)}`],
    [
      "Tables",
      status.generation_time
        ? `of ${dateTimeOf(status.generation_time)}, up to position ${numberOf(status.generation_position)}`
        : "none yet",
    ],
    ["Swap", status.swap + (status.swap_reason ? `: ${status.swap_reason}` : "")],
    [
      "States in memory",
      `${numberOf(status.overlay_entities)} entities, ${numberOf(Math.round(status.overlay_bytes / 1048576))} MiB`,
    ],
  ];
  return (
    <>
      {status.stale && <Notice bad>The tables are too old: decisions are marked degraded.</Notice>}
      {status.reload_error && <Notice bad>The last reload was refused: {clean(status.reload_error)}</Notice>}
      {status.brakes.map((brake) => (
        <Notice bad key={`${brake.rule} ${brake.since}`}>
          Brake on {clean(brake.rule || "the whole policy")} since {dateTimeOf(brake.since)}: {clean(brake.reason)}
        </Notice>
      ))}
      <section class="panel" aria-label="The server">
        <dl class="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{clean(value)}</dd>
            </div>
          ))}
        </dl>
      </section>
    </>
  );
}
