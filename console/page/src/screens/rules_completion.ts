// What may be written at a place of a policy's file: keys and values by docs/schema, names and functions by the policy.
import type { Completion } from "@codemirror/autocomplete";
import cases from "harrier-schema/cases.json";
import features from "harrier-schema/features.json";
import lists from "harrier-schema/lists.json";
import models from "harrier-schema/models.json";
import policy from "harrier-schema/policy.json";
import rules from "harrier-schema/rules.json";
import schema from "harrier-schema/schema.json";
import thresholds from "harrier-schema/thresholds.json";
import { keysOf, schemasAt, takesText, valuesOf, type Schema } from "../shared/schema";
import { yamlPlace } from "../shared/yaml_place";
import type { Report } from "./rules_api";

const FILES: Record<string, Schema> = {
  "policy.yaml": policy,
  "schema.yaml": schema,
  "features.yaml": features,
  "lists.yaml": lists,
  "models.yaml": models,
  "thresholds.yaml": thresholds,
};

export function schemaOf(path: string): Schema | null {
  if (path.startsWith("rules/")) return rules;
  if (path.startsWith("cases/")) return cases;
  return FILES[path] ?? null;
}

// Keys whose text is an expression, or has some in braces.
const EXPRESSIONS = ["when", "where", "of", "reason", "value", "values", "expression", "at", "by", "key"];

function ofThePolicy(report: Report | null): Completion[] {
  const names = (report?.names ?? []).filter(({ kind }) => kind !== "rule" && kind !== "group");
  const functions = new Map<string, string[]>();
  for (const { name, about } of report?.functions ?? []) functions.set(name, [...(functions.get(name) ?? []), about]);
  return [
    ...names.map(({ name, kind }) => ({ label: name, detail: kind, type: "variable" })),
    ...[...functions].map(([name, about]) => ({
      label: name,
      detail: "function",
      type: "function",
      info: about.join("\n"),
    })),
  ];
}

export function completionsAt(path: string, lines: string[], text: string, report: Report | null) {
  const root = schemaOf(path);
  if (!root || /(^|\s)#/.test(text)) return null;
  const place = yamlPlace(lines, text);
  const { word, begin, key } = place;
  if (key === null) {
    const keys = keysOf(schemasAt(root, place.path));
    const options = keys.map(({ name, about }) => ({
      label: name,
      apply: `${name}: `,
      detail: about,
      type: "property",
    }));
    return options.length > 0 ? { word, begin, options } : null;
  }
  const schemas = schemasAt(root, [...place.path, key]);
  const words = valuesOf(schemas).map((value) => ({ label: value, type: "keyword" }));
  if (words.length > 0 && !EXPRESSIONS.includes(key)) return { word, begin, options: words };
  if (key === "group")
    return {
      word,
      begin,
      options: (report?.names ?? []).filter(({ kind }) => kind === "group").map(({ name }) => ({ label: name })),
    };
  if (!EXPRESSIONS.includes(key) && !takesText(schemas)) return null;
  return EXPRESSIONS.includes(key) ? { word, begin, options: [...words, ...ofThePolicy(report)] } : null;
}
