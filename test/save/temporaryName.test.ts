import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { isTemporaryPath, temporaryName } from '../../src/server/host/temporaryName';

test('our temporary names are known again, in any directory and above any file', () => {
  for (const name of ['a.txt', '.hidden', 'ü', '', 'x'.repeat(255)]) {
    for (const purpose of ['', 'backup-']) {
      const temporary = temporaryName(Buffer.from(name), randomBytes, purpose).toString('latin1');
      assert.ok(temporary.length <= 143);
      for (const path of [temporary, `src/${temporary}`, `src/${temporary}/deep/file`]) {
        assert.ok(isTemporaryPath(path), path);
      }
    }
  }
});

test('names of others are not taken for ours', () => {
  const others = [
    'a',
    'src/.livemount',
    'livemount-123456789012',
    'a.livemount-123456789012',
    '.livemount-12345678',
    '.livemount-settings',
  ];
  for (const path of others) assert.ok(!isTemporaryPath(path), path);
});
