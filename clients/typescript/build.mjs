// Writes dist/: the same sources as ES modules and as CommonJS, with their types. With the argument `test`, also build/:
// the sources and the tests.
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function compile(project, ...more) {
  const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', project, ...more], { stdio: 'inherit' });
}

function begin(folder) {
  rmSync(folder, { recursive: true, force: true });
  cpSync('proto', join(folder, 'proto'), { recursive: true });
}

process.chdir(dirname(fileURLToPath(import.meta.url)));
begin('dist');
for (const [kind, type] of [
  ['esm', 'module'],
  ['cjs', 'commonjs'],
]) {
  compile(`tsconfig.${kind}.json`);
  writeFileSync(join('dist', kind, 'package.json'), `{ "type": "${type}" }\n`);
}
if (process.argv[2] === 'test') {
  begin('build');
  compile('tsconfig.json', '--outDir', 'build');
}
