// Small pieces that several screens use.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Failure, type Reason, type Verdict } from "./api";
import { clean } from "./format";

export function VerdictMark({ verdict }: { verdict: Verdict | string }) {
  return <span class={`verdict verdict-${verdict}`}>{verdict || "–"}</span>;
}

export function Reasons({ reasons, most = 3 }: { reasons: Reason[]; most?: number }) {
  const shown = reasons.slice(0, most);
  return (
    <span class="reasons">
      {shown.map((reason) => (
        <span key={reason.rule} title={clean(reason.rule)}>
          {clean(reason.text || reason.rule)}
        </span>
      ))}
      {reasons.length > most && <span class="muted">and {reasons.length - most} more</span>}
    </span>
  );
}

export function Money({ amount, currency }: { amount: string; currency: string }) {
  return (
    <>
      {amount} <span class="muted">{currency}</span>
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

export function messageOf(reason: unknown): string {
  return reason instanceof Failure ? reason.message : String(reason);
}

// Loads again every `everyMs` while the screen is shown, and keeps what came last. A failure is shown beside it.
export function usePolled<T>(load: (signal: AbortSignal) => Promise<T>, everyMs: number, keys: unknown[]) {
  const [value, setValue] = useState<T | null>(null);
  const [failure, setFailure] = useState("");
  const again = useRef<() => void>(() => undefined);
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    const round = async () => {
      clearTimeout(timer);
      try {
        const loaded = await load(stop.signal);
        if (stop.signal.aborted) return;
        setValue(loaded);
        setFailure("");
      } catch (reason) {
        if (stop.signal.aborted) return;
        setFailure(messageOf(reason));
      }
      if (everyMs > 0) timer = window.setTimeout(round, everyMs);
    };
    again.current = () => void round();
    void round();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, keys);
  return { value, failure, reload: () => again.current() };
}
