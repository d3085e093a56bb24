import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT_ID } from '../../src/protocol/brand';
import { Errno, ErrnoError, type ErrnoName } from '../../src/protocol/errno';
import { COPY_OVERWRITE } from '../../src/protocol/livemount';
import { Saves } from '../../src/server/save/saves';
import { FaultHostFs } from '../fixtures/faultHostFs';
import { namesIn, openHost, Places } from '../save/places';
import { optionsFor, SaveClient } from '../save/saveClient';

const errno = (code: string) => (error: unknown) => error instanceof ErrnoError && error.code === code;
const NO_TRASH = { homeTrash: undefined, uid: 0, now: () => new Date() };

function copy(client: SaveClient, from: string, to: string, flags = 0, signal?: AbortSignal) {
  const context = signal === undefined ? {} : { signal };
  return client.do('COPY', ROOT_ID, { newdir: ROOT_ID, flags } as never, [from, to], undefined, context);
}

/** A tree with one of everything a copy has to keep. */
function makeTree(top: string): void {
  mkdirSync(join(top, 'sub/empty'), { recursive: true });
  writeFileSync(join(top, 'text'), 'content');
  execFileSync('setfattr', ['-n', 'user.note', '-v', 'kept', join(top, 'text')]);
  execFileSync('setfacl', ['-m', 'u:42:r', join(top, 'text')]);
  linkSync(join(top, 'text'), join(top, 'sub/same'));
  symlinkSync('../nowhere', join(top, 'sub/link'));
  writeFileSync(join(top, 'tool'), '#!/bin/sh\n');
  chmodSync(join(top, 'tool'), 0o4755);
  const fd = openSync(join(top, 'sparse'), 'w');
  writeSync(fd, 'x', 8 << 20);
  truncateSync(join(top, 'sparse'), 32 << 20);
  execFileSync('mkfifo', [join(top, 'fifo')]);
  utimesSync(join(top, 'text'), 1000, 2000);
  chmodSync(join(top, 'sub'), 0o2550);
  utimesSync(join(top, 'sub'), 3000, 4000);
}

for (const type of ['ext4', 'xfs', 'btrfs'] as const) {
  test(`a copied tree on ${type} keeps modes, times, attributes, links and holes`, async () => {
    using places = new Places();
    const folder = places.image('fs', type, type === 'xfs' ? 320 : 128);
    makeTree(join(folder, 'from'));
    const client = new SaveClient(openHost(), folder);
    const entry = await copy(client, 'from', 'to');
    const to = (path: string) => join(folder, 'to', path);
    assert.equal(entry.attr.ino, BigInt(statSync(to('')).ino));
    assert.equal(readFileSync(to('text'), 'utf8'), 'content');
    assert.equal(statSync(to('text')).mtimeMs, 2_000_000);
    assert.equal(statSync(to('sub')).mtimeMs, 4_000_000);
    assert.equal(statSync(to('sub')).mode & 0o7777, 0o2550);
    assert.equal(statSync(to('tool')).mode & 0o7777, 0o755, 'no set-id bit for another owner');
    assert.equal(readlinkSync(to('sub/link')), '../nowhere');
    assert.equal(statSync(to('sub/same')).ino, statSync(to('text')).ino);
    assert.notEqual(statSync(to('text')).ino, statSync(join(folder, 'from/text')).ino);
    assert.ok(lstatSync(to('fifo')).isFIFO());
    assert.equal(statSync(to('sparse')).size, 32 << 20);
    assert.ok(readFileSync(to('sparse')).equals(readFileSync(join(folder, 'from/sparse'))));
    assert.ok(statSync(to('sparse')).blocks * 512 < 4 << 20, 'holes stay holes');
    const attributes = (path: string) =>
      execFileSync('getfattr', ['-dm', '-', '--absolute-names', path], { encoding: 'utf8' })
        .split('\n')
        .slice(1);
    assert.deepEqual(attributes(to('text')), attributes(join(folder, 'from/text')));
    assert.deepEqual(
      namesIn(folder).filter((name) => name.includes('livemount')),
      [],
    );
  });
}

test('a copy never takes a name that is there, unless it is to overwrite', async () => {
  using places = new Places();
  const folder = places.folder('w');
  writeFileSync(join(folder, 'a'), 'a');
  mkdirSync(join(folder, 'b'));
  writeFileSync(join(folder, 'b/kept'), 'b');
  const client = new SaveClient(openHost(), folder);
  await assert.rejects(copy(client, 'a', 'b'), errno('EEXIST'));
  assert.deepEqual(namesIn(join(folder, 'b')), ['kept']);
  writeFileSync(join(folder, 'c'), 'c');
  await copy(client, 'a', 'c', COPY_OVERWRITE);
  assert.equal(readFileSync(join(folder, 'c'), 'utf8'), 'a');
  assert.deepEqual(namesIn(folder), ['a', 'b', 'c']);
});

test('a name that is taken while the copy is made stays with who took it', async () => {
  using places = new Places();
  const folder = places.folder('w');
  mkdirSync(join(folder, 'from/sub'), { recursive: true });
  const meddling = new FaultHostFs(openHost(), (call) => {
    if (call === 'mkdir' && !existsSync(join(folder, 'to'))) writeFileSync(join(folder, 'to'), 'theirs');
    return undefined;
  });
  const client = new SaveClient(meddling.host, folder);
  await assert.rejects(copy(client, 'from', 'to'), errno('EEXIST'));
  assert.equal(readFileSync(join(folder, 'to'), 'utf8'), 'theirs');
  assert.deepEqual(namesIn(folder), ['from', 'to']);
});

test('a tree is not copied into itself, nor over what holds it', async () => {
  using places = new Places();
  const folder = places.folder('w');
  mkdirSync(join(folder, 'a/b'), { recursive: true });
  const client = new SaveClient(openHost(), folder);
  const a = await client.walk('a');
  const into = client.do('COPY', ROOT_ID, { newdir: a, flags: 0 } as never, ['a', 'c']);
  await assert.rejects(into, errno('EINVAL'));
  const over = client.do('COPY', a, { newdir: ROOT_ID, flags: COPY_OVERWRITE } as never, ['b', 'a']);
  await assert.rejects(over, errno('EINVAL'));
  assert.deepEqual(namesIn(join(folder, 'a')), ['b']);
});

test('mounts in a tree are copied as empty directories', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const mount = places.tmpfs('w/a/mount', 'size=1m');
  writeFileSync(join(mount, 'inside'), 'x');
  const client = new SaveClient(openHost(), folder);
  await copy(client, 'a', 'b');
  assert.deepEqual(namesIn(join(folder, 'b/mount')), []);
});

test('a copy that is cancelled or fails at any step leaves nothing', async () => {
  using places = new Places();
  places.tmpfs('fs', 'size=64m');
  for (const fault of ['EIO', 'ENOSPC', 'EACCES'] satisfies ErrnoName[]) {
    for (let at = 1; ; at++) {
      const folder = places.folder(`fs/w-${fault}-${at}`);
      mkdirSync(join(folder, 'from/sub'), { recursive: true });
      writeFileSync(join(folder, 'from/sub/x'), 'x');
      symlinkSync('x', join(folder, 'from/link'));
      const run = Buffer.from(places.folder(`fs/run-${fault}-${at}`));
      const faulty = new FaultHostFs(openHost());
      const saves = new Saves(faulty.host, optionsFor({ runFolder: run }), NO_TRASH);
      const client = new SaveClient(faulty.host, folder, saves);
      faulty.arm(fault, at);
      const where = () => `${fault} at ${at} (${faulty.calls[at - 1]})`;
      const error = await copy(client, 'from', 'to').then(
        () => undefined,
        (failed: unknown) => failed,
      );
      if (at > faulty.calls.length) {
        assert.equal(error, undefined);
        assert.deepEqual(namesIn(join(folder, 'to')), ['link', 'sub']);
        break;
      }
      if (error !== undefined) {
        assert.ok(error instanceof ErrnoError && error.errno === Errno[fault], `${where()}: ${error}`);
      }
      const left = namesIn(folder).filter((name) => name !== 'from' && name !== 'to');
      assert.deepEqual(left, [], where());
    }
  }
  const folder = places.folder('fs/cancelled');
  mkdirSync(join(folder, 'from'));
  for (let i = 0; i < 2000; i++) writeFileSync(join(folder, `from/${i}`), 'x');
  const cancel = new AbortController();
  setImmediate(() => cancel.abort());
  const client = new SaveClient(openHost(), folder);
  await assert.rejects(copy(client, 'from', 'to', 0, cancel.signal), errno('EINTR'));
  assert.deepEqual(namesIn(folder), ['from']);
});

test('a copy that an agent did not live to finish is removed by the next', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const run = Buffer.from(places.folder('run'));
  mkdirSync(join(folder, 'from/sub'), { recursive: true });
  for (let i = 0; i < 20; i++) writeFileSync(join(folder, `from/sub/${i}`), 'x');
  const host = openHost();
  const faulty = new FaultHostFs(host);
  const saves = new Saves(faulty.host, optionsFor({ runFolder: run }), NO_TRASH);
  const client = new SaveClient(faulty.host, folder, saves);
  faulty.arm('killed before', 100);
  await Promise.race([copy(client, 'from', 'to'), faulty.killed]);
  assert.equal(namesIn(folder).length, 2, 'it died in the middle');
  await new Saves(host, optionsFor({ runFolder: run }), NO_TRASH).unfinished.recover();
  assert.deepEqual(namesIn(folder), ['from']);
  assert.ok(!existsSync(join(folder, 'to')));
});
