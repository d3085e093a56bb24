// What the tools say of the sources without running them; the same commands as `npm run check`, `lint` and `format`.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

const root = path.resolve(__dirname, '..');

function passes(...command: string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
}

const TSC = 'node_modules/typescript/bin/tsc';
const BIOME = 'scripts/biome.mjs';

test('the types fit', () => passes(TSC, '-p', 'tsconfig.json'));

test('the linter has nothing to say', () => passes(BIOME, 'lint', '--error-on-warnings', '.'));

test('every file is formatted', () => passes(BIOME, 'format', '.'));
