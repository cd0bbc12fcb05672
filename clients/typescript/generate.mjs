// Writes proto/harrier.cjs and proto/harrier.d.cts from ../../proto/harrier.proto.
//
// harrier.cjs begins with the checksum of that file: tests/lint/generated.py compares it.
//
// usage: npm run generate [-- FOLDER]      FOLDER instead of proto/, to compare
//
// The generator's version is pinned in package.json: its code runs on that protobufjs or a later one of the same
// major version.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import pbjs from 'protobufjs-cli/pbjs.js';

const here = dirname(fileURLToPath(import.meta.url));
const source = resolve(here, '../../proto/harrier.proto');
const to = resolve(process.argv[2] ?? join(here, 'proto'));
const ROOT = 'harrier-client';
// Only what a client needs of it: what goes out is checked by src/encode.ts.
const LEFT_OUT = ['create', 'verify', 'convert', 'delimited', 'typeurl', 'service'].map((what) => `--no-${what}`);

function generate(file, ...more) {
  const options = ['-t', 'static-module', '-w', 'commonjs', '-r', ROOT, '--keep-case', ...LEFT_OUT, ...more];
  return new Promise((done, failed) => {
    pbjs.main([...options, '-o', file, source], (error) => (error ? failed(error) : done()));
  });
}

const scratch = mkdtempSync(join(tmpdir(), 'harrier-generate-'));
try {
  await generate(join(scratch, 'bare.js'), '--no-comments');
  await generate(join(scratch, 'full.js'), '--dts');
  const code = readFileSync(join(scratch, 'bare.js'), 'utf8');
  // A root of its own, not one that all users of the same protobufjs share.
  const shared = `$protobuf.roots["${ROOT}"] || ($protobuf.roots["${ROOT}"] = {})`;
  if (!code.includes(shared)) {
    throw new Error('the generated code has no shared root to replace; has the generator changed?');
  }
  mkdirSync(to, { recursive: true });
  const checksum = createHash('sha256').update(readFileSync(source)).digest('hex');
  writeFileSync(join(to, 'harrier.cjs'), `// SOURCE_SHA256 = "${checksum}"\n${code.replace(shared, '{}')}`);
  writeFileSync(join(to, 'harrier.d.cts'), readFileSync(join(scratch, 'full.d.ts')));
} finally {
  rmSync(scratch, { recursive: true });
}
