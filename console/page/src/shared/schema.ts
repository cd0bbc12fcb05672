// What a JSON Schema says about a place in a YAML file: which keys may stand there, and which values.

export interface Schema {
  description?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
}

// All schemas that a place may follow.
function alternatives(root: Schema, schema: Schema, depth = 0): Schema[] {
  if (depth > 8) return [];
  const name = schema.$ref?.match(/^#\/\$defs\/(.+)$/)?.[1];
  const found = name && root.$defs?.[name] ? alternatives(root, root.$defs[name], depth + 1) : [schema];
  const nested = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  return [...found, ...nested.flatMap((one) => alternatives(root, one, depth + 1))];
}

function step(root: Schema, schema: Schema, key: string): Schema[] {
  if (key === "-") return schema.items ? alternatives(root, schema.items) : [];
  const own = schema.properties?.[key];
  if (own) return alternatives(root, own);
  for (const [pattern, one] of Object.entries(schema.patternProperties ?? {}))
    if (new RegExp(pattern, "u").test(key)) return alternatives(root, one);
  return typeof schema.additionalProperties === "object" ? alternatives(root, schema.additionalProperties) : [];
}

// The schemas at a path of keys; "-" is an item of a list.
export function schemasAt(root: Schema, path: string[]): Schema[] {
  return path.reduce<Schema[]>(
    (now, key) => now.flatMap((schema) => step(root, schema, key)),
    alternatives(root, root),
  );
}

export function keysOf(schemas: Schema[]): { name: string; about: string }[] {
  const found = new Map<string, string>();
  for (const schema of schemas)
    for (const [name, one] of Object.entries(schema.properties ?? {})) found.set(name, one.description ?? "");
  return [...found].map(([name, about]) => ({ name, about }));
}

export function valuesOf(schemas: Schema[]): string[] {
  const values = schemas.flatMap((schema) => [...(schema.enum ?? []), ...("const" in schema ? [schema.const] : [])]);
  const isBool = schemas.some((schema) => [schema.type ?? []].flat().includes("boolean") && !takesText(schemas));
  return [...new Set([...values.map(String), ...(isBool ? ["true", "false"] : [])])];
}

// May any text stand there, such as an expression?
export function takesText(schemas: Schema[]): boolean {
  return schemas.some((schema) => !schema.enum && [schema.type ?? []].flat().includes("string"));
}
