// Notes that are being written. They are kept in the tab, so that none is lost when a session ends, the page is
// loaded again or another screen is opened; and each is kept for the person who wrote it.
import { useState } from "preact/hooks";

function keyOf(person: string, subject: string): string {
  return `note ${person} ${subject}`;
}

export function readDraft(person: string, subject: string): string {
  return sessionStorage.getItem(keyOf(person, subject)) ?? "";
}

export function writeDraft(person: string, subject: string, text: string): void {
  if (text === "") sessionStorage.removeItem(keyOf(person, subject));
  else sessionStorage.setItem(keyOf(person, subject), text);
}

// The draft about a subject, as state.
export function useDraft(person: string, subject: string): [string, (text: string) => void] {
  const [, draw] = useState(0);
  const write = (text: string) => {
    writeDraft(person, subject, text);
    draw((count) => count + 1);
  };
  return [readDraft(person, subject), write];
}
