// The views of a screen, as links: each has an address of its own.
import { usePlace } from "./router";
import "./tabs.css";

export interface Tab {
  name: string;
  address: string;
  current: boolean;
}

export function TabLinks({ label, tabs }: { label: string; tabs: Tab[] }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ name, address, current }) => (
        <a key={name} href={address} aria-current={current ? "page" : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}

// Views that keep the rest of the query.
export function Tabs({ label, views }: { label: string; views: { view: string; name: string }[] }) {
  const { path, query } = usePlace();
  const current = query.get("view") ?? views[0]?.view ?? "";
  const addressOf = (view: string) => {
    const words = new URLSearchParams(query);
    words.set("view", view);
    words.delete("night");
    return `${path}?${words}`;
  };
  const tabs = views.map(({ view, name }) => ({ name, address: addressOf(view), current: view === current }));
  return <TabLinks label={label} tabs={tabs} />;
}
