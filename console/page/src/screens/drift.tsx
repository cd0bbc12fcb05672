// How far scores and features have moved, from the nights' reports.
import { get } from "../shared/api";
import { LineChart, Sparkline } from "../shared/chart";
import { clean } from "../shared/format";
import { Notice, usePolled } from "../shared/parts";
import type { Drift, DriftNight } from "./performance_api";

const LIMIT = 0.25;
const SHOWN = 40;

function indexOf(night: DriftNight, feature: string): number | null {
  return night.features.find((each) => each.feature === feature)?.index ?? null;
}

function FeatureTable({ nights }: { nights: DriftNight[] }) {
  const newest = [...nights].reverse().find((night) => night.features.length > 0);
  const reason = nights[nights.length - 1]?.reason;
  if (!newest)
    return (
      <Notice>
        {`No night has compared features yet${reason ? `: ${clean(reason)}` : ": a night needs the week before it."}`}
      </Notice>
    );
  const features = [...newest.features].sort((a, b) => b.index - a.index).slice(0, SHOWN);
  return (
    <div class="scroll" role="region" aria-label="Drift by feature" tabIndex={0}>
      <table class="rows compared features">
        <thead>
          <tr>
            <th scope="col">Feature, in the night of {newest.date}</th>
            <th scope="col" class="number">
              Stability index
            </th>
            <th scope="col" class="number">
              By chance
            </th>
            <th scope="col">Nights</th>
          </tr>
        </thead>
        <tbody>
          {features.map((each) => (
            <tr key={each.feature} class={each.index > LIMIT && each.index > each.noise ? "drifted" : undefined}>
              <td>
                {/* On a phone a line may end after each word of the name. */}
                {clean(each.feature)
                  .split(/(?<=[._])/)
                  .map((word) => [word, <wbr />])}
              </td>
              <td class="number">{each.index.toFixed(3)}</td>
              <td class="number">{each.noise.toFixed(3)}</td>
              <td>
                <Sparkline
                  title={`${clean(each.feature)}, by night`}
                  values={nights.map((night) => indexOf(night, each.feature))}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function DriftView() {
  const { value, failure } = usePolled((signal) => get<Drift>("/api/nights/drift", {}, signal), 0, []);
  const nights = value?.nights ?? [];
  const compared = nights.filter((night) => night.score !== null);
  return (
    <>
      {failure && <Notice bad>{failure}</Notice>}
      {!value && !failure && <p class="muted">Loading…</p>}
      {value?.folder_problem && <Notice bad>{clean(value.folder_problem)}</Notice>}
      {value && !value.folder_problem && nights.length === 0 && (
        <Notice>No night of the last 60 days has a report that can be read.</Notice>
      )}
      {nights.length > 0 && (
        <section class="panel" aria-labelledby="drift">
          <h2 id="drift">Drift against the week before</h2>
          <p class="muted">
            The population stability index of each night's report: above {LIMIT} and beyond chance, a distribution has
            moved enough to be looked at.
          </p>
          {compared.length > 0 && (
            <LineChart
              title="Score, by night"
              days
              fromZero
              format={(index) => index.toFixed(3)}
              series={[
                {
                  name: "score",
                  points: compared.map((night) => ({ at: Date.parse(night.date), value: night.score })),
                },
                {
                  name: "by chance",
                  points: compared.map((night) => ({ at: Date.parse(night.date), value: night.noise })),
                },
              ]}
            />
          )}
          <FeatureTable nights={nights} />
        </section>
      )}
    </>
  );
}
