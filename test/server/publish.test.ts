import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SuperblockId } from '../../src/protocol/brand';
import { ReplaceHow } from '../../src/protocol/livemount';
import type { Request } from '../../src/protocol/message';
import { asDone } from '../../src/server/connection/publish';
import type { Published } from '../../src/server/watch/contract';

const saved: Published = { kind: 'modify', sb: 1n as SuperblockId, path: Buffer.from('/file'), isDir: false };

test('a save is published as what it did: whoever had not listed the folder can’t tell otherwise', () => {
  const replace = { op: 'REPLACE' } as Request;
  assert.equal(asDone(saved, replace, { how: ReplaceHow.CREATED }).kind, 'create');
  assert.equal(asDone(saved, replace, { how: ReplaceHow.RENAMED }).kind, 'modify');
  assert.equal(asDone(saved, replace, { how: ReplaceHow.IN_PLACE }).kind, 'modify');
  assert.equal(asDone(saved, { op: 'WRITE' } as Request, { size: 1 }).kind, 'modify');
});
