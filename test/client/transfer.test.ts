import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { ConnectOptions } from '../../src/client/connect';
import { connected, eventually } from './support/hostAgent';

const MIB = 1 << 20;
/** What is read is what the host has now, not what was read a moment ago. */
const ALWAYS_ASK: ConnectOptions = { modeOf: () => 'none' };

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

for (const size of [MIB + 1, 3 * MIB, 20 * MIB + 7]) {
  test(`a file of ${size} bytes is read and written whole, with progress`, async (t) => {
    const { vfs, dir, link } = await connected(t, ALWAYS_ASK);
    const file = path.join(dir, 'large');
    const content = randomBytes(size);
    const written: number[] = [];
    await vfs.writeFile(file, content, {
      create: true,
      overwrite: false,
      expect: 'any',
      progress: (done, total) => {
        assert.equal(total, size);
        written.push(done);
      },
    });
    assert.equal(digest(fs.readFileSync(file)), digest(content));
    assert.equal(written.at(-1), size);
    fs.appendFileSync(file, 'x');
    const read: number[] = [];
    const back = await vfs.readFile(file, { progress: (done) => void read.push(done) });
    assert.equal(digest(back), digest(Buffer.concat([content, Buffer.from('x')])));
    assert.equal(read.at(-1), size + 1);
    // Bulk data of that size has channels of its own.
    assert.equal(link.wires.length > 1, size > 8 * MIB);
  });
}

test('a file that changes while it is read is read again, never mixed', async (t) => {
  const { vfs, dir, link } = await connected(t, ALWAYS_ASK);
  const file = path.join(dir, 'large');
  const size = 7 * MIB;
  fs.writeFileSync(file, Buffer.alloc(size, 'a'));
  let parts = 0;
  link.wire.filter = ({ direction, frame }) => {
    // Some parts are here, and others have not been asked for.
    if (direction === 'down' && frame.length > 100_000 && ++parts === 4)
      fs.writeFileSync(file, Buffer.alloc(size, 'b'));
    return true;
  };
  const content = await vfs.readFile(file);
  assert.ok(parts > 4);
  assert.equal(content.length, size);
  assert.ok(content.every((byte) => byte === 'b'.charCodeAt(0)));
});

test('a transfer can be cancelled, and leaves nothing behind', async (t) => {
  const { vfs, dir } = await connected(t, ALWAYS_ASK);
  const file = path.join(dir, 'large');
  const cancel = new AbortController();
  const writing = vfs.writeFile(file, Buffer.alloc(30 * MIB), {
    create: true,
    overwrite: true,
    expect: 'any',
    signal: cancel.signal,
    progress: (done) => {
      if (done > 5 * MIB) cancel.abort();
    },
  });
  await assert.rejects(writing, { code: 'ECANCELED' });
  assert.deepEqual(fs.readdirSync(dir), []);
  await vfs.readDirectory(dir);
  fs.writeFileSync(file, Buffer.alloc(30 * MIB));
  const again = new AbortController();
  const reading = vfs.readFile(file, { signal: again.signal, progress: () => again.abort() });
  await assert.rejects(reading, { code: 'ECANCELED' });
  // Staged data holds a descriptor of an unnamed file.
  await eventually('nothing is left open', () => openUnder(dir).length === 0);
});

test('a transfer goes on over the main channel when one of its own is cut', async (t) => {
  const { vfs, dir, link } = await connected(t, ALWAYS_ASK);
  const file = path.join(dir, 'large');
  const content = randomBytes(24 * MIB);
  fs.writeFileSync(file, content);
  link.onWire = (wire) => {
    let left = 5;
    wire.filter = ({ direction }) => {
      if (direction === 'up' || --left > 0) return true;
      wire.break();
      return false;
    };
  };
  assert.equal(digest(await vfs.readFile(file)), digest(content));
  assert.equal(vfs.state, 'connected');
  assert.ok(link.wires.length > 1);
});

test('a file of proc, which has no size, is read to its end', async (t) => {
  const { vfs } = await connected(t, ALWAYS_ASK);
  assert.equal((await vfs.readFile('/proc/version')).toString(), fs.readFileSync('/proc/version', 'utf8'));
});

test('a directory is no file, and a pipe is not waited for', async (t) => {
  const { vfs, dir } = await connected(t, ALWAYS_ASK);
  await assert.rejects(vfs.readFile(dir), { code: 'EISDIR' });
  const { execFileSync } = await import('node:child_process');
  execFileSync('mkfifo', [path.join(dir, 'pipe')]);
  await assert.rejects(vfs.readFile(path.join(dir, 'pipe')), { code: 'EINVAL' });
  await assert.rejects(vfs.readDirectory(path.join(dir, 'pipe')), { code: 'ENOTDIR' });
});

test('a directory of 10,000 entries is read whole', async (t) => {
  const { vfs, dir } = await connected(t, ALWAYS_ASK);
  for (let i = 0; i < 10_000; i++) fs.writeFileSync(path.join(dir, `a-file-with-some-name-${i}`), '');
  const entries = await vfs.readDirectory(dir);
  assert.equal(new Set(entries.map(({ name }) => name)).size, 10_000);
  assert.equal(entries.length, 10_000);
});

test('a save over another version than the one that was seen writes nothing, however its path is spelt', async (t) => {
  const { vfs, dir } = await connected(t, ALWAYS_ASK);
  const file = path.join(dir, 'file');
  fs.writeFileSync(file, 'first');
  const seen = await vfs.stat(file);
  fs.writeFileSync(file, 'changed by somebody else');
  const save = { create: true, overwrite: true };
  for (const spelt of [file, `${dir}//file`, `${dir}/./file`, `${dir}/sub/../file`]) {
    const saving = vfs.writeFile(spelt, Buffer.from('mine'), { ...save, expect: seen.version });
    await assert.rejects(saving, { code: 'EREMCHG' }, spelt);
  }
  assert.equal(fs.readFileSync(file, 'utf8'), 'changed by somebody else');
  const { version } = await vfs.stat(file);
  await vfs.writeFile(file, Buffer.from('mine'), { ...save, expect: version });
  assert.equal(fs.readFileSync(file, 'utf8'), 'mine');
  await vfs.writeFile(file, Buffer.from('mine again'), { ...save, expect: 'any' });
  assert.equal(fs.readFileSync(file, 'utf8'), 'mine again');
});

test('a read that was under way when a save was acknowledged does not bring back the old content', async (t) => {
  const { vfs, dir, link } = await connected(t);
  const file = path.join(dir, 'file');
  fs.writeFileSync(file, 'old');
  // A file with several names is saved in place: it stays the inode that is being read.
  fs.linkSync(file, path.join(dir, 'other name'));
  await vfs.readDirectory(dir);
  const { wire } = link;
  const kept: Buffer[] = [];
  wire.filter = ({ direction, frame }) => {
    if (direction === 'up' || kept.length > 0 || !frame.includes('old')) return true;
    kept.push(frame);
    return false;
  };
  const reading = vfs.readFile(file);
  await eventually('its reply is on its way', () => kept.length > 0);
  await vfs.writeFile(file, Buffer.from('new'), { create: true, overwrite: true, expect: 'any' });
  for (const frame of kept) wire.client.push(frame);
  assert.equal((await reading).toString(), 'old');
  assert.equal((await vfs.readFile(file)).toString(), 'new');
  assert.equal((await vfs.stat(file)).size, 3n);
});

test('create and overwrite are the conditions they name', async (t) => {
  const { vfs, dir } = await connected(t, ALWAYS_ASK);
  const file = path.join(dir, 'file');
  await assert.rejects(
    vfs.writeFile(file, Buffer.from('x'), { create: false, overwrite: true, expect: 'any' }),
    {
      code: 'ENOENT',
    },
  );
  await vfs.writeFile(file, Buffer.from('x'), { create: true, overwrite: false, expect: 'any' });
  await assert.rejects(
    vfs.writeFile(file, Buffer.from('y'), { create: true, overwrite: false, expect: 'any' }),
    {
      code: 'EEXIST',
    },
  );
  await assert.rejects(
    vfs.writeFile(dir, Buffer.from('y'), { create: true, overwrite: true, expect: 'any' }),
    {
      code: 'EISDIR',
    },
  );
  await assert.rejects(
    vfs.writeFile(path.join(dir, 'no/where'), Buffer.from('y'), {
      create: true,
      overwrite: true,
      expect: 'any',
    }),
    {
      code: 'ENOENT',
    },
  );
  assert.equal(fs.readFileSync(file, 'utf8'), 'x');
});

test('a save through a link goes to the file it leads to', async (t) => {
  const { vfs, dir } = await connected(t, ALWAYS_ASK);
  fs.mkdirSync(path.join(dir, 'sub'));
  fs.writeFileSync(path.join(dir, 'sub/real'), 'old');
  fs.symlinkSync('sub/real', path.join(dir, 'link'));
  await vfs.writeFile(path.join(dir, 'link'), Buffer.from('new'), {
    create: false,
    overwrite: true,
    expect: 'any',
  });
  assert.equal(fs.readFileSync(path.join(dir, 'sub/real'), 'utf8'), 'new');
  assert.ok(fs.lstatSync(path.join(dir, 'link')).isSymbolicLink());
});

test('a copy and a rename do what they say', async (t) => {
  const { vfs, dir } = await connected(t, ALWAYS_ASK);
  fs.mkdirSync(path.join(dir, 'tree/sub'), { recursive: true });
  fs.writeFileSync(path.join(dir, 'tree/sub/file'), 'content');
  await vfs.copy(path.join(dir, 'tree'), path.join(dir, 'copy'), { overwrite: false });
  assert.equal((await vfs.readFile(path.join(dir, 'copy/sub/file'))).toString(), 'content');
  await assert.rejects(vfs.copy(path.join(dir, 'tree'), path.join(dir, 'copy'), { overwrite: false }), {
    code: 'EEXIST',
  });
  await vfs.rename(path.join(dir, 'copy/sub/file'), path.join(dir, 'moved'), { overwrite: false });
  assert.equal((await vfs.readFile(path.join(dir, 'moved'))).toString(), 'content');
  await assert.rejects(vfs.stat(path.join(dir, 'copy/sub/file')), { code: 'ENOENT' });
  fs.writeFileSync(path.join(dir, 'other'), 'other');
  await assert.rejects(vfs.rename(path.join(dir, 'other'), path.join(dir, 'moved'), { overwrite: false }), {
    code: 'EEXIST',
  });
  await vfs.rename(path.join(dir, 'other'), path.join(dir, 'moved'), { overwrite: true });
  assert.equal((await vfs.readFile(path.join(dir, 'moved'))).toString(), 'other');
  await vfs.sync(dir);
  await vfs.sync();
});

test("with durability 'syncfs' what was saved is flushed once saving pauses, and once for all of it", async (t) => {
  const { vfs, dir, link } = await connected(t, { durability: () => 'syncfs' });
  for (let i = 0; i < 5; i++) {
    await vfs.writeFile(path.join(dir, `file-${i}`), Buffer.from('x'), {
      create: true,
      overwrite: true,
      expect: 'any',
    });
  }
  const flushes = () => link.requests.filter((name) => name === 'SYNCFS').length;
  assert.equal(flushes(), 0);
  await eventually('it was flushed', () => flushes() > 0);
  assert.equal(flushes(), 1);
  await vfs.sync();
  const flushed = flushes();
  await vfs.sync();
  assert.equal(flushes(), flushed, 'nothing is left to flush');
});

/** What this process has open below a directory. */
function openUnder(dir: string): string[] {
  return fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = fs.readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(dir) ? [target] : [];
    } catch {
      return []; // The descriptor of the listing itself.
    }
  });
}
