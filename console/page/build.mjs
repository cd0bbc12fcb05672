// Builds the page: node build.mjs OUT-FOLDER. Runs in a folder that has node_modules.
import { copyFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";

const out = process.argv[2];
await build({
  entryPoints: { app: "src/main.tsx" },
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2021",
  jsx: "automatic",
  jsxImportSource: "preact",
  alias: { "harrier-schema": resolve("schema") }, // docs/schema
  legalComments: "eof",
  outdir: out,
  logLevel: "warning",
});
copyFileSync("index.html", join(out, "index.html"));
