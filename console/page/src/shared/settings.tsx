// How a person wants the page: the zone of times, and light or dark. The server keeps it for the person; the browser
// keeps the colours, too, so that the page does not flash before it knows who is there.
import { useState } from "preact/hooks";
import { post, type Session } from "./api";
import { clean } from "./format";
import { messageOf } from "./parts";
import { browsersZone, setZone, zoneNames, zoneText } from "./zone";

export const THEMES = ["system", "light", "dark"] as const;
const KEPT = "theme";

function showTheme(theme: string): void {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

// Before anybody is known.
export function beginTheme(): void {
  showTheme(localStorage.getItem(KEPT) ?? "system");
}

export function applySettings(session: Session): void {
  if (!session.person) return;
  setZone(session.zone ?? "");
  localStorage.setItem(KEPT, session.theme ?? "system");
  showTheme(session.theme ?? "system");
}

// At the foot of every screen.
export function SettingsBar({ session, changed }: { session: Session; changed: (session: Session) => void }) {
  const [problem, setProblem] = useState("");
  const zone = session.zone ?? "";
  // One that was chosen in another browser may have another name in this one.
  const names = zone === "" || zoneNames().includes(zone) ? zoneNames() : [zone, ...zoneNames()];
  const change = async (next: Partial<Session>) => {
    const all = { ...session, ...next };
    setProblem("");
    try {
      await post("/api/settings", { zone: all.zone ?? "", theme: all.theme ?? "system" });
      changed(all);
    } catch (reason) {
      setProblem(messageOf(reason));
    }
  };
  return (
    <footer class="foot muted">
      <label>
        Times are of{" "}
        <select value={zone} onChange={(event) => void change({ zone: event.currentTarget.value })}>
          <option value="">the browser: {browsersZone()}</option>
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <span>{zoneText(new Date())}</span>
      <label>
        Colours{" "}
        <select
          value={session.theme ?? "system"}
          onChange={(event) => void change({ theme: event.currentTarget.value })}
        >
          {THEMES.map((theme) => (
            <option key={theme} value={theme}>
              {theme === "system" ? "as the system" : theme}
            </option>
          ))}
        </select>
      </label>
      <span role="status" class="bad">
        {clean(problem)}
      </span>
    </footer>
  );
}
