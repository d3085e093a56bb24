import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { NodeId, Unique } from '../../src/protocol/brand';
import {
  decodeCompound,
  decodeCompoundReply,
  encodeCompound,
  encodeCompoundReply,
} from '../../src/protocol/compound';
import { direntSize, readDirents, readDirentsPlus, writeDirent } from '../../src/protocol/dirent';
import { ErrnoError } from '../../src/protocol/errno';
import { encodeReplyFrame } from '../../src/protocol/frame';
import { decodeEvents, encodeEvents } from '../../src/protocol/events';
import { decodeFsError, encodeFsError } from '../../src/protocol/fsError';
import { decodeMarks, encodeMarks } from '../../src/protocol/marks';
import { decodeMount, encodeMount } from '../../src/protocol/mountRecord';
import { EntryOut } from '../../src/protocol/fuse';
import {
  BACKENDS,
  COMPOUND_MAX,
  type CompoundIn,
  FsErrorOut,
  FsnotifyEvent,
  MountOut,
} from '../../src/protocol/livemount';
import { encodeRequest } from '../../src/protocol/message';
import type { Value } from '../../src/protocol/struct';
import { decodeWalk, encodeWalk } from '../../src/protocol/walk';
import { names, paths, structValues } from './arbitrary';

/** A list codec reads back what it wrote, and a list cut anywhere inside is an errno, never something else. */
function survivesTearing(bytes: Buffer, decode: (bytes: Buffer) => unknown): void {
  for (let length = 0; length < bytes.length; length++) {
    try {
      decode(bytes.subarray(0, length));
    } catch (error) {
      assert.ok(error instanceof ErrnoError, String(error));
    }
  }
}

function plain<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const texts = fc.string({ unit: 'binary', maxLength: 40 });
const few = { numRuns: 40 } as const;

test('marks', () => {
  const mark = plain({
    path: paths,
    mask: fc.nat(0xfff),
    flags: fc.nat(3),
    excludes: fc.array(
      texts.map((text) => text.replaceAll('\0', '')),
      { maxLength: 4 },
    ),
  });
  fc.assert(
    fc.property(fc.array(mark, { maxLength: 6 }), (marks) => {
      const bytes = encodeMarks(marks as never);
      assert.deepEqual(decodeMarks(marks.length, bytes), marks);
      survivesTearing(bytes, (torn) => decodeMarks(marks.length, torn));
    }),
    few,
  );
});

test('events', () => {
  const event = plain({
    fixed: structValues(FsnotifyEvent),
    path: paths,
    path2: fc.option(names, { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 6 }), fc.nat(1), (some, flags) => {
      const events = some.map(({ fixed, path, path2 }) => ({
        seq: fixed.seq,
        timeNs: fixed.time_ns,
        mask: fixed.mask,
        mode: fixed.mode,
        flags: fixed.flags,
        version: fixed.version,
        path,
        ...(path2 && { path2 }),
      }));
      const batch = { sb: 7n as never, flags, events };
      const bytes = encodeEvents(batch);
      assert.deepEqual(decodeEvents(bytes), batch);
      survivesTearing(bytes, decodeEvents);
    }),
    few,
  );
});

test('mounts', () => {
  const record = plain({
    fixed: structValues(MountOut),
    backend: fc.constantFrom(...BACKENDS),
    mountpoint: paths.map((below) => Buffer.concat([Buffer.from('/'), below])),
    words: fc.record({ fstype: texts, source: texts, options: texts, reason: texts }),
    unwatched: fc.array(paths, { maxLength: 5 }),
  });
  fc.assert(
    fc.property(record, ({ fixed, backend, mountpoint, words, unwatched }) => {
      const { sb, parent, action, flags, major, minor } = fixed;
      const mount = {
        sb,
        parent,
        action,
        flags,
        major,
        minor,
        mountId: fixed.mount_id,
        backend,
        pollMs: fixed.poll_ms,
        mountpoint,
        ...words,
        unwatched,
      };
      const bytes = encodeMount(mount);
      assert.deepEqual(decodeMount(bytes), mount);
      survivesTearing(bytes, decodeMount);
    }),
    few,
  );
});

test('filesystem errors', () => {
  fc.assert(
    fc.property(structValues(FsErrorOut), paths, (fixed, path) => {
      const { sb, seq, ino, errno, count, flags } = fixed;
      const record = { sb, seq, timeNs: fixed.time_ns, ino, errno, count, flags, path };
      const bytes = encodeFsError(record);
      assert.deepEqual(decodeFsError(bytes), record);
      survivesTearing(bytes, decodeFsError);
    }),
    few,
  );
});

test('walks', () => {
  const step = plain({
    parent: fc.bigInt({ min: 1n, max: 1n << 60n }),
    name: names,
    entry: structValues(EntryOut),
    target: fc.option(names, { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 5 }), fc.integer({ min: -511, max: 0 }), (some, error) => {
      const steps = some.map(({ parent, name, entry, target }) => ({
        parent: parent as NodeId,
        name,
        entry,
        ...(target && { target }),
      }));
      const result = { nodeid: 9n as NodeId, error, steps };
      const bytes = encodeWalk(result);
      assert.deepEqual(decodeWalk(bytes), result);
      survivesTearing(bytes, decodeWalk);
    }),
    few,
  );
});

test('directory entries', () => {
  const entry = plain({
    ino: fc.bigInt({ min: 0n, max: 1n << 63n }),
    off: fc.bigInt({ min: 1n, max: 1n << 62n }),
    type: fc.nat(15),
    name: names,
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(entry, structValues(EntryOut)), { maxLength: 6 }), (some) => {
      for (const plus of [false, true]) {
        const into = Buffer.alloc(some.reduce((size, [one]) => size + direntSize(one.name, plus), 0));
        let at = 0;
        for (const [one, lookup] of some) {
          const next = writeDirent(into, at, one, plus ? lookup : undefined);
          assert.ok(next !== undefined && next % 8 === 0);
          at = next;
        }
        const [first] = some;
        if (first)
          assert.equal(writeDirent(into, at, first[0]), undefined, 'what does not fit is not written');
        const read = plus ? readDirentsPlus(into) : readDirents(into);
        assert.deepEqual(
          read,
          some.map(([one, lookup]) => (plus ? { ...one, entry: lookup } : one)),
        );
        survivesTearing(into, plus ? readDirentsPlus : readDirents);
      }
    }),
    few,
  );
});

test('compounds', () => {
  const body = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.array(body, { maxLength: COMPOUND_MAX }), (bodies) => {
      const parts = bodies.map((data, index) => ({
        sub: { nodeid_from: index, fh_from: 0, name_from: Math.max(0, index - 1), newdir_from: index },
        frame: encodeRequest(
          'NOTIFY_REPLY',
          BigInt(2 * index + 2) as Unique,
          1n as NodeId,
          undefined,
          [],
          data,
        ),
      }));
      const fixed: Value<typeof CompoundIn> = { count: parts.length, flags: 0 };
      const bytes = encodeCompound(parts);
      assert.deepEqual(decodeCompound(fixed, bytes), parts);
      survivesTearing(bytes, (torn) => decodeCompound(fixed, torn));

      const replies = bodies.map((data, index) => encodeReplyFrame(BigInt(2 * index + 2), 0, data));
      const reply = encodeCompoundReply(replies);
      assert.deepEqual(
        decodeCompoundReply(reply).map((one) => one.body),
        bodies,
      );
      survivesTearing(reply, decodeCompoundReply);
    }),
    few,
  );
});

test('a compound that is too long, or refers to itself or ahead, is EINVAL', () => {
  const frame = encodeRequest('STATFS', 2n as Unique, 1n as NodeId, undefined);
  const part = (
    sub: Partial<{ nodeid_from: number; fh_from: number; name_from: number; newdir_from: number }>,
  ) => ({
    sub: { nodeid_from: 0, fh_from: 0, name_from: 0, newdir_from: 0, ...sub },
    frame,
  });
  for (const sub of [{ nodeid_from: 1 }, { fh_from: 1 }, { name_from: 2 }, { newdir_from: 1 }]) {
    assert.throws(() => decodeCompound({ count: 1, flags: 0 }, encodeCompound([part(sub)])), {
      code: 'EINVAL',
    });
  }
  const many = Array.from({ length: COMPOUND_MAX + 1 }, () => part({}));
  assert.throws(() => decodeCompound({ count: many.length, flags: 0 }, encodeCompound(many)), {
    code: 'EINVAL',
  });
});
