import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  clockText,
  durationText,
  modeLetters,
  parseVersion,
  sizeText,
  timeMs,
  timeText,
  versionText,
} from '../../src/cli/format';
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

test('times are those of this machine’s zone, also outside of what a Date knows', () => {
  const zone = process.env.TZ;
  process.env.TZ = 'Asia/Kathmandu';
  try {
    assert.equal(timeText(1_700_000_000_000_000_000n), '2023-11-15 03:58:20');
    assert.equal(clockText(1_700_000_000_000_000_000n), '03:58:20');
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
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

for (const [bytes, text] of [
  [0n, '0 B'],
  [999n, '999 B'],
  [1000n, '1.0 kB'],
  [1_550_000n, '1.6 MB'],
  [9_960_000n, '10 MB'],
  [999_400_000n, '999 MB'],
  [999_600_000n, '1.0 GB'],
  [1n << 63n, '9.2 EB'],
] as const) {
  test(`${bytes} bytes are ${text}`, () => assert.equal(sizeText(bytes), text));
}

test('durations are minutes and seconds, with hours where there are some', () => {
  assert.deepEqual([7, 61.2, 3723, Number.POSITIVE_INFINITY].map(durationText), [
    '0:07',
    '1:02',
    '1:02:03',
    '99:59:59',
  ]);
});

test('columns stay aligned where characters are two wide or combine', () => {
  assert.deepEqual(
    columns([
      ['日本', 'x'],
      ['e\u0301', 'y'],
    ]),
    ['日本  x', 'e\u0301     y'],
  );
});
