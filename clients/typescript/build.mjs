// Writes dist/: the same sources as ES modules and as CommonJS, with their types.
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(dirname(fileURLToPath(import.meta.url)));
rmSync('dist', { recursive: true, force: true });
cpSync('proto', join('dist', 'proto'), { recursive: true });
const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
for (const [kind, type] of [
  ['esm', 'module'],
  ['cjs', 'commonjs'],
]) {
  execFileSync(process.execPath, [tsc, '-p', `tsconfig.${kind}.json`], { stdio: 'inherit' });
  writeFileSync(join('dist', kind, 'package.json'), `{ "type": "${type}" }\n`);
}
