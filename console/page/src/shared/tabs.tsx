// The views of a screen, as links: each has an address of its own, and keeps the rest of the query.
import { usePlace } from "./router";

export function Tabs({ label, views }: { label: string; views: { view: string; name: string }[] }) {
  const { path, query } = usePlace();
  const current = query.get("view") ?? views[0]?.view ?? "";
  const addressOf = (view: string) => {
    const words = new URLSearchParams(query);
    words.set("view", view);
    words.delete("night");
    return `${path}?${words}`;
  };
  return (
    <nav class="tabs" aria-label={label}>
      {views.map(({ view, name }) => (
        <a key={view} href={addressOf(view)} aria-current={view === current ? "page" : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}
