// A transaction as a small drawing: the verdict is its shape, and what became known is drawn over it, so that neither
// needs a colour to be told.
import type { Verdict } from "../shared/api";

export const FRAUDS = ["fraud", "chargeback"];

const SHAPES: Record<Verdict, string> = {
  approve: "M -5 0 A 5 5 0 1 0 5 0 A 5 5 0 1 0 -5 0 Z",
  review: "M 0 -6.5 L 6.5 0 L 0 6.5 L -6.5 0 Z",
  challenge: "M -5 -5 H 5 V 5 H -5 Z",
  decline: "M 0 -6 L 6.5 5 H -6.5 Z",
};

export function Mark({ verdict, label, current = false }: { verdict: Verdict; label: string; current?: boolean }) {
  return (
    <g class={`mark mark-${verdict}`}>
      {current && <circle class="mark-current" r={11} />}
      <path d={SHAPES[verdict] ?? SHAPES.approve} />
      {FRAUDS.includes(label) && <path class="mark-fraud" d="M -8 -8 L 8 8 M -8 8 L 8 -8" />}
      {label === "suspected" && <path class="mark-fraud" d="M -8 8 L 8 -8" />}
      {label === "legit" && <path class="mark-legit" d="M -8 9 H 8" />}
    </g>
  );
}

export function MarkImage({ verdict, label }: { verdict: Verdict; label: string }) {
  return (
    <svg class="mark-image" viewBox="-12 -12 24 24" aria-hidden="true">
      <Mark verdict={verdict} label={label} />
    </svg>
  );
}

const LEGEND: { verdict: Verdict; label: string; text: string }[] = [
  { verdict: "approve", label: "", text: "approve" },
  { verdict: "review", label: "", text: "review" },
  { verdict: "challenge", label: "", text: "challenge" },
  { verdict: "decline", label: "", text: "decline" },
  { verdict: "approve", label: "fraud", text: "known as fraud" },
  { verdict: "approve", label: "suspected", text: "suspected" },
  { verdict: "approve", label: "legit", text: "known as legit" },
];

export function Legend() {
  return (
    <ul class="mark-legend" aria-label="What the shapes mean">
      {LEGEND.map((each) => (
        <li key={each.text}>
          <MarkImage verdict={each.verdict} label={each.label} /> {each.text}
        </li>
      ))}
    </ul>
  );
}
