// Small pieces that several screens use.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Failure, type Reason, type Verdict } from "./api";
import { amountOf, clean, timeOf } from "./format";

export function VerdictMark({ verdict }: { verdict: Verdict | string }) {
  return <span class={`verdict verdict-${verdict}`}>{verdict || "–"}</span>;
}

export function Reasons({ reasons, most = 3 }: { reasons: Reason[]; most?: number }) {
  const shown = reasons.slice(0, most);
  const rest = reasons.slice(most);
  return (
    <span class="reasons">
      {shown.map((reason) => (
        <span key={reason.rule} title={clean(reason.rule)}>
          {clean(reason.text || reason.rule)}
        </span>
      ))}
      {rest.length > 0 && (
        <span class="muted" title={rest.map((reason) => clean(reason.text || reason.rule)).join("\n")}>
          and {rest.length} more
        </span>
      )}
    </span>
  );
}

export function Money({ amount, currency }: { amount: string; currency: string }) {
  return (
    <>
      {amountOf(amount)} <span class="muted">{clean(currency)}</span>
    </>
  );
}

export function Notice({ children, bad = false }: { children: ComponentChildren; bad?: boolean }) {
  return (
    <p class={bad ? "notice notice-bad" : "notice"} role={bad ? "alert" : "status"}>
      {children}
    </p>
  );
}

// A screen's first line, which is also the name of the browser's tab.
export function Heading({ title, children }: { title: string; children?: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} – Harrier`;
  }, [title]);
  return (
    <h1>
      <bdi>{title}</bdi> {children}
    </h1>
  );
}

export function messageOf(reason: unknown): string {
  return reason instanceof Failure ? reason.message : String(reason);
}

const AGAIN_MS = 5000;
const PASSING = [0, 503, 504]; // nobody answers, or not now

// Loads again every `everyMs` while the screen is shown, and keeps what came last; 0: once, but again after a failure that
// may pass. A failure is shown beside it, with
// the time that what is shown is of.
export function usePolled<T>(load: (signal: AbortSignal) => Promise<T>, everyMs: number, keys: unknown[]) {
  const [value, setValue] = useState<T | null>(null);
  const [failure, setFailure] = useState("");
  const again = useRef<() => void>(() => undefined);
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    let round = 0;
    let loadedAt = "";
    const run = async () => {
      clearTimeout(timer);
      const own = ++round;
      const isOver = () => stop.signal.aborted || own !== round;
      let pause = everyMs;
      try {
        const loaded = await load(stop.signal);
        if (isOver()) return;
        setValue(loaded);
        setFailure("");
        loadedAt = new Date().toISOString();
      } catch (reason) {
        if (isOver()) return;
        if (reason instanceof Failure && PASSING.includes(reason.status)) pause ||= AGAIN_MS;
        setFailure(clean(messageOf(reason)) + (loadedAt && ` What is shown is of ${timeOf(loadedAt)}.`));
      }
      if (pause > 0) timer = window.setTimeout(run, pause);
    };
    again.current = () => void run();
    void run();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, keys);
  return { value, failure, reload: () => again.current() };
}
