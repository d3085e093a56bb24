import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { type Fh, type NodeId, ROOT_ID } from '../../src/protocol/brand';
import { ErrnoError } from '../../src/protocol/errno';
import type { InOf } from '../../src/protocol/opcodes';
import { DIRTY_MAX, DirtyList } from '../../src/server/host/dirtyList';
import { FaultHostFs } from '../fixtures/faultHostFs';
import { openHost, Places } from './places';
import { SaveClient } from './saveClient';

const errno = (code: string) => (error: unknown) => error instanceof ErrnoError && error.code === code;

/** A client on a host whose calls are counted. */
function counted(folder: string) {
  const faulty = new FaultHostFs(openHost());
  const client = new SaveClient(faulty.host, folder);
  const { sb } = client.session.inodes.root.identity;
  return { faulty, client, sb };
}

/** CREATE, WRITE, and RELEASE if asked. */
async function write(client: SaveClient, name: string, release = true): Promise<{ nodeid: NodeId; fh: Fh }> {
  const create = { flags: 2, mode: 0o644, umask: 0, open_flags: 0 };
  const { entry, open } = await client.do('CREATE', ROOT_ID, create, [name]);
  const fixed = {
    fh: open.fh,
    offset: 0n,
    size: 4,
    write_flags: 0,
    lock_owner: 0n,
    flags: 0,
  } as InOf<'WRITE'>;
  await client.do('WRITE', entry.nodeid, fixed, [], Buffer.from('data'));
  if (release) await client.release(open.fh);
  return { nodeid: entry.nodeid, fh: open.fh };
}

const syncfs = (client: SaveClient, signal?: AbortSignal) =>
  client.do('SYNCFS', ROOT_ID, {} as never, [], undefined, signal === undefined ? {} : { signal });
const count = (calls: readonly string[], name: string) => calls.filter((call) => call === name).length;

test('SYNCFS flushes what this session wrote and nothing else, once', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const { faulty, client, sb } = counted(folder);
  for (const name of ['a', 'b', 'c']) await write(client, name);
  writeFileSync(join(folder, 'neighbour'), 'dirty as well');
  assert.equal(client.session.dirty.count(sb), 4, 'three files and their directory');
  faulty.arm('EIO', 0);
  await syncfs(client);
  assert.equal(count(faulty.calls, 'sync'), 4);
  assert.equal(count(faulty.calls, 'startWriteback'), 4);
  assert.ok(
    faulty.calls.lastIndexOf('startWriteback') < faulty.calls.indexOf('sync'),
    'all begin before one is waited for',
  );
  assert.equal(client.session.dirty.count(sb), 0);
  faulty.arm('EIO', 0);
  await syncfs(client);
  assert.deepEqual(faulty.calls, []);
});

test('what a neighbour made dirty on the same filesystem stays for the kernel to write', async () => {
  using places = new Places();
  const folder = places.image('w', 'ext4', 64);
  const { client } = counted(folder);
  const source = execFileSync('findmnt', ['-no', 'SOURCE', folder], { encoding: 'utf8' }).trim();
  const delayed = () =>
    Number(readFileSync(`/sys/fs/ext4/${basename(source)}/delayed_allocation_blocks`, 'latin1'));
  writeFileSync(join(folder, 'neighbour'), Buffer.alloc(16 << 20));
  await client.save('a', 'ours');
  const before = delayed();
  assert.ok(before >= 4096, 'the neighbour’s blocks are not even allocated');
  await syncfs(client);
  assert.ok(delayed() >= 4096, 'and still are not');
  execFileSync('sync', ['-f', folder]);
  assert.equal(delayed(), 0);
});

test('a file that was closed, forgotten and renamed is still flushed, and no descriptor waits for that', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const { faulty, client, sb } = counted(folder);
  const { nodeid } = await write(client, 'a');
  await client.do('RENAME', ROOT_ID, { newdir: ROOT_ID }, ['a', 'b']);
  await client.do('FORGET', nodeid, { nlookup: 1n });
  assert.equal(client.session.handles.size, 0);
  faulty.arm('EIO', 0);
  await syncfs(client);
  assert.equal(count(faulty.calls, 'sync'), 2);
  assert.equal(client.session.dirty.count(sb), 0);
  assert.throws(() => client.session.inodes.get(nodeid), errno('ESTALE'), 'the list held the last lookup');
});

test('what is gone, or is another file by now, is clean', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const { client, sb } = counted(folder);
  await write(client, 'a');
  await write(client, 'b');
  await client.do('UNLINK', ROOT_ID, undefined, ['a']);
  renameSync(join(folder, 'b'), join(folder, 'elsewhere'));
  writeFileSync(join(folder, 'b'), 'somebody else');
  await syncfs(client);
  assert.equal(client.session.dirty.count(sb), 0);
});

test('an open file is flushed through its handle, also when it has no name', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const { faulty, client } = counted(folder);
  await write(client, 'a', false);
  await client.do('UNLINK', ROOT_ID, undefined, ['a']);
  faulty.arm('EIO', 0);
  await syncfs(client);
  assert.equal(count(faulty.calls, 'sync'), 2, 'the file and its directory');
});

test('FSYNC takes a file from the list', async () => {
  using places = new Places();
  const { client, sb } = counted(places.folder('w'));
  const { nodeid, fh } = await write(client, 'a', false);
  await client.do('FSYNC', nodeid, { fh, fsync_flags: 0 } as InOf<'FSYNC'>);
  assert.equal(client.session.dirty.count(sb), 1, 'its directory is left');
});

test('an error of a flush is answered once, and the other files are flushed nevertheless', async () => {
  using places = new Places();
  let syncs = 0;
  const lacking = new FaultHostFs(openHost(), (call) =>
    call === 'sync' && ++syncs === 1 ? 'EIO' : undefined,
  );
  const client = new SaveClient(lacking.host, places.folder('w'));
  const { sb } = client.session.inodes.root.identity;
  for (const name of ['a', 'b', 'c']) await write(client, name);
  await assert.rejects(syncfs(client), errno('EIO'));
  assert.equal(syncs, 4);
  assert.equal(client.session.dirty.count(sb), 0);
  await syncfs(client);
});

test('a copied tree is flushed with all that is in it', async () => {
  using places = new Places();
  const folder = places.folder('w');
  mkdirSync(join(folder, 'from/sub'), { recursive: true });
  for (const name of ['a', 'b', 'sub/c']) writeFileSync(join(folder, 'from', name), 'x');
  const { faulty, client, sb } = counted(folder);
  await client.do('COPY', ROOT_ID, { newdir: ROOT_ID, flags: 0 }, ['from', 'to']);
  faulty.arm('EIO', 0);
  await syncfs(client);
  assert.ok(count(faulty.calls, 'sync') >= 6, 'three files, two directories and the one they are in');
  assert.equal(client.session.dirty.count(sb), 0);
});

test('an interrupted SYNCFS leaves on the list what it did not come to', async () => {
  using places = new Places();
  const { client, sb } = counted(places.folder('w'));
  for (let i = 0; i < 20; i++) await write(client, `f${i}`);
  const cancel = new AbortController();
  const interrupted = syncfs(client, cancel.signal);
  cancel.abort();
  await assert.rejects(interrupted, errno('EINTR'));
  assert.ok(client.session.dirty.count(sb) > 0);
  await syncfs(client);
  assert.equal(client.session.dirty.count(sb), 0);
});

test('a file that is written while it is flushed stays dirty', async () => {
  using places = new Places();
  const { client, sb } = counted(places.folder('w'));
  const { nodeid, fh } = await write(client, 'a', false);
  await syncfs(client);
  const fixed = { fh, offset: 0n, size: 4, write_flags: 0, lock_owner: 0n, flags: 0 } as InOf<'WRITE'>;
  await client.do('WRITE', nodeid, fixed, [], Buffer.from('more'));
  const flushing = syncfs(client);
  await client.do('WRITE', nodeid, fixed, [], Buffer.from('last'));
  await flushing;
  assert.equal(client.session.dirty.count(sb), 1);
});

test('the list is bounded: beyond its length the oldest are flushed, and an error of that is reported', async () => {
  using places = new Places();
  const { client, sb } = counted(places.folder('w'));
  const { inodes } = client.session;
  const flushed: NodeId[] = [];
  const list = new DirtyList(inodes, true, async (flushedSb, nodes) => {
    for (const { nodeid } of nodes) {
      flushed.push(nodeid);
      list.remove(flushedSb, nodeid);
    }
    list.failed(flushedSb, new ErrnoError('ENOSPC'));
  });
  const base = await client.session.host.stat({ path: Buffer.from(places.top) });
  const nodes = Array.from({ length: DIRTY_MAX + 1 }, (_, i) =>
    inodes.claimUnnamed({ ...base, mode: 0o100644, ino: BigInt(i + 1_000_000) }),
  );
  for (const { nodeid } of nodes) list.add(sb, nodeid);
  await Promise.resolve();
  assert.deepEqual(
    flushed,
    nodes.slice(0, DIRTY_MAX / 4).map(({ nodeid }) => nodeid),
  );
  assert.equal(list.count(sb), DIRTY_MAX + 1 - DIRTY_MAX / 4);
  assert.ok(errno('ENOSPC')(list.takeError(sb)));
  assert.equal(list.takeError(sb), undefined);
});
