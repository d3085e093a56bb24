import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeenVersions } from '../../src/extension/seenVersions';
import type { Version } from '../../src/protocol/livemount';

const SECOND = 1_000_000_000n;

function version(changes: Partial<Version> = {}): Version {
  return { ino: 7n, size: 100n, mtime_ns: 50n * SECOND, ctime_ns: 50n * SECOND, ...changes };
}

test('a save of a file that was read replaces exactly what was read', () => {
  const seen = new SeenVersions();
  seen.sawContent('/a', version());
  assert.deepEqual(seen.basis('/a'), version());
});

test('a save of a file that was never read replaces exactly what the editor looked at', () => {
  const seen = new SeenVersions();
  assert.equal(seen.basis('/a'), undefined);
  seen.sawAttributes('/a', version());
  assert.deepEqual(seen.basis('/a'), version());
  seen.sawAbsence('/a');
  assert.equal(seen.basis('/a'), undefined);
});

test('a newer file of another size is what the editor itself asked its user about, so that one may be replaced', () => {
  const seen = new SeenVersions();
  const newer = version({ size: 101n, mtime_ns: 51n * SECOND, ctime_ns: 51n * SECOND });
  seen.sawContent('/a', version());
  seen.sawAttributes('/a', newer);
  assert.deepEqual(seen.basis('/a'), newer);
});

test('an older file put in its place passes the editor’s check, and must not be replaced', () => {
  const seen = new SeenVersions();
  seen.sawContent('/a', version());
  seen.sawAttributes('/a', version({ ino: 8n, mtime_ns: 9n * SECOND, ctime_ns: 60n * SECOND }));
  assert.deepEqual(seen.basis('/a'), version());
});

test('a change within the same millisecond must not be replaced', () => {
  const seen = new SeenVersions();
  seen.sawContent('/a', version());
  seen.sawAttributes('/a', version({ mtime_ns: 50n * SECOND + 999_999n, ctime_ns: 50n * SECOND + 999_999n }));
  assert.deepEqual(seen.basis('/a'), version());
});

test('a newer file of the same size passes the editor’s check, and must not be replaced', () => {
  const seen = new SeenVersions();
  seen.sawContent('/a', version());
  seen.sawAttributes('/a', version({ mtime_ns: 51n * SECOND, ctime_ns: 51n * SECOND }));
  assert.deepEqual(seen.basis('/a'), version());
});

test('a chmod is no conflict', () => {
  const seen = new SeenVersions();
  const chmodded = version({ ctime_ns: 70n * SECOND });
  seen.sawContent('/a', version());
  seen.sawAttributes('/a', chmodded);
  assert.deepEqual(seen.basis('/a'), chmodded);
});

test('a forgotten file has no basis', () => {
  const seen = new SeenVersions();
  seen.sawContent('/a', version());
  seen.forget('/a');
  assert.equal(seen.basis('/a'), undefined);
  seen.sawAttributes('/a', version({ size: 5n }));
  assert.deepEqual(seen.basis('/a'), version({ size: 5n }), 'until the editor looks again');
});

test('with a folder all that is below it is forgotten, and nothing beside it', () => {
  const seen = new SeenVersions();
  for (const path of ['/a/b', '/a/b/c', '/ab']) seen.sawContent(path, version());
  seen.forget('/a');
  assert.equal(seen.basis('/a/b'), undefined);
  assert.equal(seen.basis('/a/b/c'), undefined);
  assert.deepEqual(seen.basis('/ab'), version());
});

test('no more than a bounded number of files is remembered, the latest ones', () => {
  const seen = new SeenVersions();
  for (let i = 0; i < 5000; i++) seen.sawContent(`/${i}`, version());
  assert.equal(seen.basis('/0'), undefined);
  assert.deepEqual(seen.basis('/4999'), version());
});

test('a file whose deletion was reported to the editor may be made anew, and nothing may be replaced', () => {
  const seen = new SeenVersions();
  seen.sawContent('/a', version());
  seen.sawAbsence('/a');
  assert.equal(seen.basis('/a'), 'absent');
  const back = version({ ctime_ns: 70n * SECOND });
  seen.sawAttributes('/a', back);
  assert.deepEqual(seen.basis('/a'), back, 'it was only away for a moment');
});
