// What the tools say of the sources without running them; the same commands as `npm run check`, `lint` and `format`.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

const root = path.resolve(__dirname, '..');

function passes(tool: string, ...args: string[]): void {
  const program = path.join(root, 'node_modules/.bin', tool);
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
}

test('the types fit', () => passes('tsc', '-p', 'tsconfig.json'));

test('the linter has nothing to say', () => passes('biome', 'lint', '--error-on-warnings', '.'));

test('every file is formatted', () => passes('biome', 'format', '.'));
