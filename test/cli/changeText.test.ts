import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonLine, textLine, type WatchEvent } from '../../src/cli/changeText';
import { clockText } from '../../src/cli/format';
import { bytesOf, textOf } from '../../src/protocol/names';
import type { SuperblockId } from '../../src/protocol/brand';

function event(more: Partial<WatchEvent>): WatchEvent {
  return {
    kind: 'create',
    path: '/srv/a',
    isDirectory: false,
    sb: 7n as SuperblockId,
    seq: 42n,
    timeNs: 1_700_000_000_123_456_789n,
    ...more,
  };
}

test('an event is one line with exactly the promised keys', () => {
  const line = jsonLine(event({}), '8:1@29');
  assert.equal(
    line,
    '{"event":"create","path":"/srv/a","to":null,"isDir":false,"superblock":"8:1@29","seq":42,"time":1700000000123.456}\n',
  );
});

test('a rename has both names', () => {
  const parsed = JSON.parse(jsonLine(event({ kind: 'rename', to: '/srv/b' }), '8:1@29'));
  assert.deepEqual([parsed.event, parsed.path, parsed.to], ['rename', '/srv/a', '/srv/b']);
});

test('a name that is no UTF-8 has its bytes beside it', () => {
  const bytes = Buffer.from([0x2f, 0xff, 0x61]);
  const parsed = JSON.parse(jsonLine(event({ path: textOf(bytes), to: '/plain' }), 's'));
  assert.deepEqual(Buffer.from(parsed.pathBytes, 'base64'), bytes);
  assert.deepEqual(bytesOf(parsed.path), bytes);
  assert.equal('toBytes' in parsed, false);
});

test('a line break in a name breaks no line', () => {
  assert.equal(jsonLine(event({ path: '/a\nb' }), 's').split('\n').length, 2);
  assert.equal(
    textLine(event({ path: '/a\nb', kind: 'rename', to: '/\u001b[2Jc' })),
    `${clockText(1_700_000_000_123_456_789n)}  rename   /a?b -> /?[2Jc\n`,
  );
});
