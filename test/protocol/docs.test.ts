import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

const root = path.resolve(__dirname, '../..');

test('the tables of docs/protocol.md are those of src/protocol', () => {
  const checked = spawnSync(process.execPath, ['scripts/protocolDocs.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(checked.status, 0, checked.stderr);
});
