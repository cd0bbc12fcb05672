// Views of a screen: its filters under a name, for oneself or for all. A view is a link.
import { useEffect, useState } from "preact/hooks";
import { get, isAtLeast, post, type Session } from "./api";
import { clean } from "./format";
import { messageOf } from "./parts";
import { usePlace } from "./router";
import "./views.css";

interface View {
  id: number;
  screen: string;
  name: string;
  query: string;
  shared: boolean;
  person: string;
}

// The same filters in the same order, whatever order they were set in; where a list had got to is none of them.
export function filtersOf(query: URLSearchParams): string {
  const words = new URLSearchParams([...query].filter(([name, value]) => value !== "" && name !== "offset"));
  words.sort();
  return words.toString();
}

export function Views({ screen, session }: { screen: "live" | "queue" | "search"; session: Session }) {
  const { query } = usePlace();
  const [views, setViews] = useState<View[]>([]);
  const [problem, setProblem] = useState("");
  const filters = filtersOf(query);
  const load = () =>
    void get<{ views: View[] }>("/api/views").then(
      (answer) => setViews(answer.views.filter((view) => view.screen === screen)),
      (reason) => setProblem(messageOf(reason)),
    );
  useEffect(load, [screen]);
  const change = async (work: () => Promise<unknown>) => {
    setProblem("");
    try {
      await work();
    } catch (reason) {
      setProblem(messageOf(reason));
    }
    load();
  };
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    const element = event.currentTarget as HTMLFormElement;
    const form = new FormData(element);
    const name = String(form.get("name")).trim();
    if (name === "") return;
    void change(async () => {
      await post("/api/views/save", { screen, name, query: filters, shared: form.get("shared") !== null });
      element.reset();
    });
  };
  const mayRemove = (view: View) => view.person === session.person || session.role === "admin";
  const shown = views.find((view) => filtersOf(new URLSearchParams(view.query)) === filters);
  return (
    <details class="views">
      <summary>
        {shown ? `View: ${clean(shown.name)}` : `Saved views${views.length > 0 ? ` (${views.length})` : ""}`}
      </summary>
      <div class="panel">
        {views.length === 0 && <p class="muted">None yet. Set the filters, then give them a name.</p>}
        <ul>
          {views.map((view) => (
            <li key={view.id}>
              <a href={`/${screen}?${view.query}`} aria-current={view === shown ? "true" : undefined}>
                {clean(view.name)}
              </a>
              <span class="muted">
                {view.shared && (view.person === session.person ? "shared with all" : `of ${clean(view.person)}`)}
              </span>
              {mayRemove(view) && (
                <button
                  type="button"
                  aria-label={`Remove the view ${clean(view.name)}`}
                  onClick={() => void change(() => post("/api/views/remove", { id: view.id }))}
                >
                  Remove
                </button>
              )}
            </li>
          ))}
        </ul>
        <form onSubmit={save}>
          <input name="name" maxLength={40} required aria-label="Name of the view" placeholder="Name" />
          {isAtLeast(session.role, "analyst") && (
            <label>
              <input type="checkbox" name="shared" /> for all
            </label>
          )}
          <button type="submit">Save these filters</button>
        </form>
        {problem && (
          <p class="bad" role="alert">
            {clean(problem)}
          </p>
        )}
      </div>
    </details>
  );
}
