import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { connected, eventually } from '../client/support/hostAgent';

/** What a repository's settings may hold: 700 bytes that stand for 400,000 patterns. */
const BOMB = Array.from({ length: 6 }, (_, i) => `${'{a,b}'.repeat(16)}${i}`);

test('excludes whose braces stand for hundreds of thousands cost nobody anything, and those beside them count', async (t) => {
  const { vfs, dir } = await connected(t);
  const told: string[] = [];
  const watch = vfs.watch(dir, { recursive: true, excludes: [...BOMB, '*.log'] }, (changes) => {
    told.push(...changes.map((change) => path.basename(change.path)));
  });
  t.after(() => watch.dispose());
  await watch.ready;
  fs.writeFileSync(path.join(dir, 'a.log'), '');
  fs.writeFileSync(path.join(dir, 'file'), '');
  await eventually('the new file', () => told.includes('file'));
  assert.ok(!told.includes('a.log'));
  assert.equal((await vfs.stat(path.join(dir, 'file'))).kind, 'file');
});
