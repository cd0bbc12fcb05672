// Cards, customers, merchants, …: links to what is known of them.
import { clean } from "./format";
import { transactionAddress } from "./router";

/** Fields of transactions that have a screen of their own, the most telling first. */
export const ENTITIES = [
  "card",
  "customer",
  "account",
  "merchant",
  "device",
  "terminal",
  "ip",
  "email",
  "phone",
  "country",
  "mcc",
  "channel",
] as const;

export function isEntity(name: string): boolean {
  return (ENTITIES as readonly string[]).includes(name);
}

export function entityAddress(name: string, value: string, more: Record<string, string> = {}): string {
  return `/entity?${new URLSearchParams({ name, value, ...more })}`;
}

// A few, so that a row stays a row; the transaction's screen has all.
export function EntityLinks({ entities, most = 3 }: { entities: Record<string, string>; most?: number }) {
  const names = ENTITIES.filter((name) => entities[name]).slice(0, most);
  if (names.length === 0) return null;
  return (
    <small class="entities">
      {names.map((name) => (
        <span key={name}>
          {name} <a href={entityAddress(name, entities[name] ?? "")}>{clean(entities[name] ?? "")}</a>
        </span>
      ))}
    </small>
  );
}

// What the search box at the top leads to: "card=tok_9" an entity, "rule:spree" a search, anything else a transaction.
export function jumpAddress(text: string): string {
  const parts = /^([a-z_]+)\s*[=:]\s*(.+)$/su.exec(text);
  const [, name = "", value = ""] = parts ?? [];
  if (isEntity(name)) return entityAddress(name, value);
  if (name === "rule") return `/search?${new URLSearchParams({ rule: value })}`;
  if (name === "id") return transactionAddress(value);
  return transactionAddress(text);
}
