import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { connected, eventually, type Setting } from './support/hostAgent';

interface Log extends Setting {
  readonly file: string;
  /** Reads it through the client, and gives what that took. */
  read(): Promise<{ content: Buffer; bytes: number; rounds: number }>;
  /** Does something to the file and waits until the client was told. */
  change(how: () => void): Promise<void>;
}

/** A watched file that the client has read. */
async function logOf(t: TestContext, content: Buffer): Promise<Log> {
  const setting = await connected(t, { lockstep: true });
  const { vfs, dir, link } = setting;
  const file = path.join(dir, 'log');
  fs.writeFileSync(file, content);
  let told = 0;
  const watch = vfs.watch(dir, { recursive: true }, (changes) => {
    told += changes.filter((change) => change.path === file).length;
  });
  t.after(() => watch.dispose());
  await watch.ready;
  let arrived = 0;
  link.wire.filter = ({ direction, frame }) => {
    if (direction === 'down') arrived += frame.length;
    return true;
  };
  const read = async () => {
    const before = { bytes: arrived, rounds: link.rounds };
    const content = await vfs.readFile(file);
    return { content, bytes: arrived - before.bytes, rounds: link.rounds - before.rounds };
  };
  const change = async (how: () => void) => {
    const before = told;
    how();
    await eventually('the change was told', () => told > before);
    await new Promise((resolve) => setTimeout(resolve, 60));
  };
  assert.deepEqual((await read()).content, content);
  return { ...setting, file, read, change };
}

for (const size of [100_000, 3_000_000]) {
  test(`of a file of ${size} bytes that grows only what was added travels, in one round trip`, async (t) => {
    const old = randomBytes(size);
    const { file, read, change } = await logOf(t, old);
    await change(() => fs.appendFileSync(file, 'one more line\n'));
    const grown = await read();
    assert.deepEqual(grown.content, Buffer.concat([old, Buffer.from('one more line\n')]));
    assert.equal(grown.rounds, 1);
    assert.ok(grown.bytes < 2000, `${grown.bytes} bytes`);
    assert.deepEqual((await read()).rounds, 0);
  });
}

test('a file that grew and whose beginning was changed is read again whole', async (t) => {
  const old = randomBytes(200_000);
  const { file, read, change } = await logOf(t, old);
  const other = Buffer.concat([old, Buffer.from('more')]);
  other[5] = (other[5] ?? 0) ^ 1;
  await change(() => fs.writeFileSync(file, other));
  assert.deepEqual((await read()).content, other);
});

test('a change that leaves size and time as they were is found', async (t) => {
  const old = randomBytes(200_000);
  const { file, read, change } = await logOf(t, old);
  const { atime, mtime } = fs.statSync(file);
  const other = Buffer.from(old);
  other[100_000] = (other[100_000] ?? 0) ^ 1;
  await change(() => {
    fs.writeFileSync(file, other);
    fs.utimesSync(file, atime, mtime);
  });
  assert.deepEqual((await read()).content, other);
});

test('a file that was truncated, or began anew, is read whole', async (t) => {
  const old = randomBytes(200_000);
  const { file, read, change } = await logOf(t, old);
  await change(() => fs.truncateSync(file, 50_000));
  assert.deepEqual((await read()).content, old.subarray(0, 50_000));
  const anew = randomBytes(4_000_000);
  await change(() => fs.writeFileSync(file, anew));
  assert.deepEqual((await read()).content, anew);
});
