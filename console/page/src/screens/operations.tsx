// The server, its nights, thresholds, archive and tokens.
import { useState } from "preact/hooks";
import { get, isAtLeast, post, type Session, type Status } from "../shared/api";
import { BarChart } from "../shared/chart";
import { clean, countOf, dateTimeOf, numberOf, shareOf } from "../shared/format";
import { Heading, messageOf, Notice, usePolled } from "../shared/parts";
import { usePlace } from "../shared/router";
import { Tabs } from "../shared/tabs";
import { ThresholdsView } from "./held_back";
import { bytesOf, NightsView } from "./nights";
import "./operations.css";
import type { Alert, Archive, Tokens } from "./operations_api";

interface Brake {
  rule: string;
  definition: string;
  applies: boolean;
  since: string;
  reason: string;
  source: string;
}

interface ServerStatus extends Status {
  brakes: Brake[];
  brake_count: number;
  node: string;
  primary: string;
  committed: number;
  refused_since?: string;
  challenger: string;
  challenger_error: string;
  warming_rules: number;
}

const VIEWS = [
  { view: "server", name: "Server" },
  { view: "nights", name: "Nights" },
  { view: "thresholds", name: "Thresholds" },
  { view: "archive", name: "Archive" },
  { view: "tokens", name: "Tokens" },
];
const DAY_MS = 86400000;
const WARN_DAYS = 30;

export function OperationsScreen({ session }: { session: Session }) {
  const { query } = usePlace();
  const view = query.get("view") ?? "server";
  return (
    <>
      <Heading title="Operations" />
      <Tabs label="Views of operations" views={VIEWS} />
      {view === "nights" ? (
        <NightsView date={query.get("night")} />
      ) : view === "thresholds" ? (
        <ThresholdsView session={session} />
      ) : view === "archive" ? (
        <ArchiveView />
      ) : view === "tokens" ? (
        <TokensView />
      ) : (
        <ServerView session={session} />
      )}
    </>
  );
}

// ---- the server ----

function ServerView({ session }: { session: Session }) {
  const { value, failure, reload } = usePolled((signal) => get<ServerStatus>("/api/status", {}, signal), 5000, []);
  return (
    <>
      {failure && <Notice bad>{failure}</Notice>}
      {!value && !failure && <p class="muted">Loading…</p>}
      {value && <StatusPanel status={value} session={session} reload={reload} />}
      <AlertsPanel />
    </>
  );
}

function StatusPanel({ status, session, reload }: { status: ServerStatus; session: Session; reload: () => void }) {
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
    ["States in memory", `${numberOf(status.overlay_entities)} entities, ${bytesOf(status.overlay_bytes)}`],
  ];
  if (status.node)
    facts.push([
      "Node",
      `${status.node}; ${status.primary} decides; the log is committed to position ${numberOf(status.committed)}`,
    ]);
  if (status.challenger) facts.push(["Experiment", status.challenger]);
  return (
    <>
      {status.stale && <Notice bad>The tables are too old: decisions are marked degraded.</Notice>}
      {status.reload_error && (
        <Notice bad>
          The last reload was refused
          {status.refused_since && `, and so were all since ${dateTimeOf(status.refused_since)}`}:{" "}
          {clean(status.reload_error)}
        </Notice>
      )}
      {status.challenger_error && <Notice bad>The challenger was refused: {clean(status.challenger_error)}</Notice>}
      {status.warming_rules > 0 && (
        <Notice>
          {numberOf(status.warming_rules)} rules use features that have no history until the next rebuild.
        </Notice>
      )}
      {status.brakes.map((brake) => (
        <BrakeNotice key={`${brake.rule} ${brake.definition}`} brake={brake} session={session} done={reload} />
      ))}
      {status.brake_count > status.brakes.length && (
        <p class="muted">{numberOf(status.brake_count - status.brakes.length)} more brakes are in force.</p>
      )}
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

function BrakeNotice({ brake, session, done }: { brake: Brake; session: Session; done: () => void }) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const name = clean(brake.rule || "the whole policy");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const reason = new FormData(event.currentTarget as HTMLFormElement).get("reason");
    setBusy(true);
    setProblem("");
    post("/api/brakes/lift", { rule: brake.rule, definition: brake.definition, reason })
      .then(done, (failed) => setProblem(clean(messageOf(failed))))
      .finally(() => setBusy(false));
  };
  return (
    <div class="notice notice-bad brake">
      <p role="alert">
        Brake on {name} since {dateTimeOf(brake.since)}, by {clean(brake.source || "the server")}: {clean(brake.reason)}
        {!brake.applies && " It is for another declaration of the rule than that of the policy in force."}
      </p>
      {isAtLeast(session.role, "approver") && (
        <form onSubmit={submit}>
          <label>
            Why it is lifted{" "}
            <input
              name="reason"
              required
              minLength={3}
              maxLength={500}
              aria-label={`Why the brake on ${name} is lifted`}
            />
          </label>
          <button type="submit" disabled={busy}>
            Lift
          </button>
        </form>
      )}
      {problem && <p role="alert">{problem}</p>}
    </div>
  );
}

// ---- alerts ----

function AlertsPanel() {
  const { value, failure } = usePolled((signal) => get<{ alerts: Alert[] }>("/api/alerts", {}, signal), 15000, []);
  const alerts = value?.alerts ?? [];
  const firing = alerts.filter((alert) => alert.state === "firing");
  const unknown = alerts.filter((alert) => alert.state === "unknown");
  return (
    <section class="panel" aria-labelledby="alerts">
      <h2 id="alerts">Alerts</h2>
      {failure && <Notice bad>{failure}</Notice>}
      {value && firing.length === 0 && <p>No condition that can be seen from here holds now.</p>}
      {firing.length > 0 && (
        <ul class="findings">
          {firing.map((alert) => (
            <li key={alert.name} class={alert.severity === "page" ? "finding-alert" : "finding-warning"}>
              <b>{alert.name}</b> {clean(alert.text)} <span class="muted">{alert.severity}</span>
            </li>
          ))}
        </ul>
      )}
      {value && (
        <details>
          <summary>
            {alerts.length - firing.length - unknown.length} conditions do not hold, {unknown.length} are not known here
          </summary>
          <div class="scroll" role="region" aria-label="Conditions" tabIndex={0}>
            <table class="rows">
              <thead>
                <tr>
                  <th scope="col">Condition</th>
                  <th scope="col">State</th>
                  <th scope="col">What it means</th>
                </tr>
              </thead>
              <tbody>
                {alerts
                  .filter((alert) => alert.state !== "firing")
                  .map((alert) => (
                    <tr key={alert.name}>
                      <td>{alert.name}</td>
                      <td>{alert.state === "quiet" ? "does not hold" : `not known: ${clean(alert.unknown ?? "")}`}</td>
                      <td class="wide">{clean(alert.text)}</td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </div>
        </details>
      )}
      <p class="muted">
        Conditions as of now. The rules for Prometheus in deploy/alerts.yaml also say how long one must hold.
      </p>
    </section>
  );
}

// ---- the archive ----

function ArchiveView() {
  const { value, failure } = usePolled((signal) => get<Archive>("/api/archive", {}, signal), 30000, []);
  if (!value) return failure ? <Notice bad>{failure}</Notice> : <p class="muted">Loading…</p>;
  const seal = value.newest_seal;
  const facts: [string, string][] = [
    ["Records", numberOf(value.position)],
    ["Size", `${bytesOf(value.stored)} on disk, ${bytesOf(value.bytes)} unpacked`],
    ["Segments", `${numberOf(value.segments)}, ${numberOf(value.sealed)} of them sealed`],
    ["Free on its disk", value.free === undefined ? "not known" : bytesOf(value.free)],
    [
      "Newest seal",
      seal ? `${seal.file}, up to position ${numberOf(seal.position)}, ${dateTimeOf(seal.until)}` : "none yet",
    ],
  ];
  const bars = value.days.map((day) => ({
    at: Date.parse(day.day),
    until: Date.parse(day.day) + DAY_MS,
    values: [day.stored],
  }));
  return (
    <>
      {failure && <Notice bad>{failure}</Notice>}
      <section class="panel" aria-label="The archive">
        <dl class="facts">
          {facts.map(([name, text]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{clean(text)}</dd>
            </div>
          ))}
        </dl>
        {seal && (
          <p class="muted">
            Seal <code class="seal">{clean(seal.seal)}</code>
          </p>
        )}
        <BarChart
          title="Growth, bytes on disk by day of receipt"
          days
          format={bytesOf}
          axis={bytesOf}
          parts={["stored"]}
          bars={bars}
        />
        <p class="muted">
          The nights verify the tables against the archive; <code>harrier archive verify</code> reads all of it.
        </p>
      </section>
    </>
  );
}

// ---- tokens ----

function TokensView() {
  const { value, failure } = usePolled((signal) => get<Tokens>("/api/tokens", {}, signal), 60000, []);
  if (!value) return failure ? <Notice bad>{failure}</Notice> : <p class="muted">Loading…</p>;
  const now = Date.parse(value.now);
  const tokens = [...value.tokens].sort((a, b) => (a.expires ?? "9").localeCompare(b.expires ?? "9"));
  const stateOf = (expires: string | undefined) => {
    if (!expires) return { text: "no end", bad: false };
    const days = (Date.parse(expires) - now) / DAY_MS;
    if (days <= 0) return { text: "has ended", bad: true };
    return { text: `in ${countOf(Math.floor(days), "day")}`, bad: days < WARN_DAYS };
  };
  return (
    <>
      {failure && <Notice bad>{failure}</Notice>}
      {value.problem && <Notice>Tokens are not known here: {clean(value.problem)}</Notice>}
      {!value.problem && tokens.length === 0 && <Notice>There are no tokens: anybody may ask the server.</Notice>}
      {tokens.length > 0 && (
        <div class="scroll" role="region" aria-label="Tokens" tabIndex={0}>
          <table class="rows">
            <thead>
              <tr>
                <th scope="col">Client</th>
                <th scope="col">Id</th>
                <th scope="col">May</th>
                <th scope="col">Made</th>
                <th scope="col">Ends</th>
                <th scope="col">When</th>
              </tr>
            </thead>
            <tbody>
              {tokens.map((token) => {
                const state = stateOf(token.expires);
                return (
                  <tr key={token.id}>
                    <td>{clean(token.name)}</td>
                    <td>
                      <code>{clean(token.id)}</code>
                    </td>
                    <td>{token.scopes.join(", ")}</td>
                    <td class="short">{dateTimeOf(token.created)}</td>
                    <td class="short">{token.expires ? dateTimeOf(token.expires) : "–"}</td>
                    <td class={state.bad ? "bad" : undefined}>{state.text}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {value.count > tokens.length && (
        <p class="muted">{shareOf(tokens.length, value.count)} of the tokens are shown, those with the first ids.</p>
      )}
    </>
  );
}
