import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modeLetters, parseVersion, timeMs, timeText, versionText } from '../../src/cli/format';
import { columns } from '../../src/cli/text';
import { UsageError } from '../../src/cli/usageError';

for (const [mode, letters] of [
  [0o100644, '-rw-r--r--'],
  [0o040755, 'drwxr-xr-x'],
  [0o041777, 'drwxrwxrwt'],
  [0o041776, 'drwxrwxrwT'],
  [0o104755, '-rwsr-xr-x'],
  [0o102644, '-rw-r-Sr--'],
  [0o120777, 'lrwxrwxrwx'],
  [0o140600, 'srw-------'],
] as const) {
  test(`mode 0${mode.toString(8)} is ${letters}`, () => assert.equal(modeLetters(mode), letters));
}

test('a version survives being printed and read', () => {
  const version = { ino: (1n << 64n) - 1n, size: 0n, mtime_ns: -5n, ctime_ns: 1_700_000_000_123_456_789n };
  assert.deepEqual(parseVersion(versionText(version)), version);
  assert.equal(parseVersion('any'), 'any');
  for (const text of ['', '1:2:3', '1:2:3:4:5', 'a:b:c:d', '1:2:3:4 ']) {
    assert.throws(() => parseVersion(text), UsageError);
  }
});

test('times are the host’s, in UTC, also outside of what a Date knows', () => {
  assert.equal(timeText(0n), '1970-01-01 00:00:00Z');
  assert.equal(timeText(-1_000_000_000n), '1969-12-31 23:59:59Z');
  assert.match(timeText(1n << 85n), / ns$/);
  assert.equal(timeMs(1_700_000_000_123_456_789n), 1_700_000_000_123.456);
});

test('columns are as wide as their widest cell', () => {
  assert.deepEqual(
    columns(
      [
        ['a', '1', 'x'],
        ['bbb', '22', 'yy'],
      ],
      new Set([1]),
    ),
    ['a     1  x', 'bbb  22  yy'],
  );
});
