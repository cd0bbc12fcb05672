// The page's address is its state: every view can be shared as a link.
import { useEffect, useState } from "preact/hooks";

export interface Place {
  path: string;
  query: URLSearchParams;
}

function here(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

const listeners = new Set<() => void>();

function tell(): void {
  for (const listener of listeners) listener();
}

export function go(address: string): void {
  history.pushState(null, "", address);
  scrollTo(0, 0);
  tell();
}

export function replace(address: string): void {
  history.replaceState(null, "", address);
  tell();
}

// An id may have any character, also those that mean something in a path.
export function transactionAddress(id: string): string {
  return `/transaction?${new URLSearchParams({ id })}`;
}

export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const listener = () => setPlace(here());
    listeners.add(listener);
    addEventListener("popstate", listener);
    return () => {
      listeners.delete(listener);
      removeEventListener("popstate", listener);
    };
  }, []);
  return place;
}

// Links of our own do not load the page again. Those to a place on the same screen are the browser's.
export function followLinks(): void {
  addEventListener("click", (event) => {
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || event.defaultPrevented || event.button !== 0 || link.hash) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || link.target || link.origin !== location.origin) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
