// Single keys that do something on a screen. They can be turned off, as a program that types what somebody says
// would trigger them.
import { useLayoutEffect, useRef, useState } from "preact/hooks";

const SETTING = "keys";
const MOVES = ["j", "k"]; // held down, they go on

export function areKeysOn(): boolean {
  return localStorage.getItem(SETTING) !== "off";
}

function isTyping(target: EventTarget | null): boolean {
  const element = target as Element | null;
  return element?.matches?.("textarea, select, input:not([type=checkbox])") ?? false;
}

export type Keys = Record<string, (() => void) | undefined>;

// A key that has a meaning of its own where the focus is (Enter on a link) keeps that. What a key does is what the
// screen that was drawn last says: two keys in a hurry are still one after the other.
export function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  // At once: a key that is pressed as soon as the screen is there must count.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (event.key === "Enter" && (event.target as Element).closest?.("a, button, input, summary")) return;
      const call = areKeysOn() ? latest.current[event.key] : undefined;
      if (!call) return;
      event.preventDefault();
      if (!event.repeat || MOVES.includes(event.key)) call();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

export function useKeySetting(): [boolean, (on: boolean) => void] {
  const [on, setOn] = useState(areKeysOn);
  const change = (next: boolean) => {
    localStorage.setItem(SETTING, next ? "on" : "off");
    setOn(next);
  };
  return [on, change];
}
