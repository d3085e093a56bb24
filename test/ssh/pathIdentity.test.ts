import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PathIdentity } from '../../src/ssh/sftp/pathIdentity';

test('a path has the same number every time, and another path another one', () => {
  const identity = new PathIdentity();
  const paths = ['/', '/a', '/a/b', '/b', '/b/a', '/a/b/c'];
  const numbers = paths.map((path) => identity.ino(path));
  assert.equal(new Set(numbers).size, paths.length);
  assert.deepEqual(
    paths.map((path) => new PathIdentity().ino(path)),
    numbers,
  );
  for (const number of numbers) assert.ok(number > 0n && number < 1n << 63n);
});

test('what is renamed keeps its number, and so does everything below it', () => {
  const identity = new PathIdentity();
  const [directory, file] = [identity.ino('/a'), identity.ino('/a/b/c')];
  identity.renamed('/a', '/x');
  identity.renamed('/x/b/c', '/x/b/d');
  assert.equal(identity.ino('/x'), directory);
  assert.equal(identity.ino('/x/b/d'), file);
  assert.notEqual(identity.ino('/a'), directory);
  assert.notEqual(identity.ino('/a/b/c'), file);
});

test('what is made where something was is somebody else', () => {
  const identity = new PathIdentity();
  const before = identity.ino('/a');
  identity.removed('/a');
  const absent = identity.ino('/a');
  identity.created('/a');
  const after = identity.ino('/a');
  assert.equal(new Set([before, absent, after]).size, 3);
});

test('what takes the place of another has its own number, not the other’s', () => {
  const identity = new PathIdentity();
  identity.created('/staged');
  const staged = identity.ino('/staged');
  const target = identity.ino('/target');
  identity.renamed('/staged', '/target');
  assert.equal(identity.ino('/target'), staged);
  assert.notEqual(identity.ino('/target'), target);
});
