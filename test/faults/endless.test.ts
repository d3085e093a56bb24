// Work that a request asks for comes to an end, whatever the host looks like.
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT_ID } from '../../src/protocol/brand';
import { ErrnoError } from '../../src/protocol/errno';
import { WALK_FOLLOW } from '../../src/protocol/livemount';
import type { Request } from '../../src/protocol/message';
import type { HostFile } from '../../src/server/host/hostFs';
import { fuseHandlers } from '../../src/server/ops';
import { walk } from '../../src/server/ops/walk';
import { copyContent } from '../../src/server/host/copyContent';
import { Saves } from '../../src/server/save/saves';
import { TimeSlice } from '../../src/server/timeSlice';
import { FaultHostFs } from '../fixtures/faultHostFs';
import { namesIn, openHost, Places } from '../save/places';
import { optionsFor, SaveClient } from '../save/saveClient';

const errno = (code: string) => (error: unknown) => error instanceof ErrnoError && error.code === code;

async function copy(client: SaveClient, from: string, directory: string, to: string): Promise<unknown> {
  const newdir = await client.walk(directory);
  return client.do('COPY', ROOT_ID, { newdir, flags: 0 } as never, [from, to]);
}

for (const [what, shown] of [
  ['the folder itself', 'a'],
  ['a folder deep in it', 'a/deep/er'],
] as const) {
  test(`a folder is not copied into itself by way of ${what}, mounted elsewhere`, async () => {
    using places = new Places();
    const top = places.folder('w');
    mkdirSync(join(top, 'a/deep/er'), { recursive: true });
    writeFileSync(join(top, 'a/file'), 'x');
    mkdirSync(join(top, 'b'));
    places.bind(join(top, shown), join(top, 'b'));
    const client = new SaveClient(openHost(), top);
    await assert.rejects(copy(client, 'a', 'b', 'copy'), errno('EINVAL'));
    assert.ok(!existsSync(join(top, 'b/copy')));
    assert.deepEqual(
      namesIn(join(top, 'b')).filter((name) => name.includes('livemount')),
      [],
    );
  });
}

test('the copy of a file that grows all the while has the size it had, and more of it only by chance', async () => {
  using places = new Places();
  const top = places.folder('w');
  const log = join(top, 'log');
  writeFileSync(log, 'x'.repeat(100_000));
  let appended = 0;
  // One more line for each part that is copied.
  const { host } = new FaultHostFs(openHost(), (call) => {
    if ((call === 'copyRange' || call === 'read') && appended++ < 1000)
      appendFileSync(log, 'y'.repeat(100_000));
    return undefined;
  });
  await copy(new SaveClient(host, top), 'log', '', 'copy');
  assert.equal(statSync(join(top, 'copy')).size, 100_000);
  assert.ok(appended < 5, `${appended} parts`);
});

test('a file without a size that never ends is given up', async () => {
  using places = new Places();
  const file = join(places.folder('w'), 'a');
  writeFileSync(file, '');
  let read = 0;
  const endless = {
    stat: () => ({ size: 0n }),
    read: (into: Buffer) => {
      read += into.length;
      return into.length;
    },
  } as unknown as HostFile;
  const sink = { write: (from: Buffer) => from.length } as unknown as HostFile;
  const copying = copyContent(endless, sink, new TimeSlice(undefined), { sparse: true });
  await assert.rejects(copying, errno('EFBIG'));
  assert.equal(read, 1 << 30);
});

test('a path of many names keeps nobody waiting, and one that is longer than any path is refused', async () => {
  using places = new Places();
  const top = places.folder('w');
  mkdirSync(join(top, 'a'));
  const { session } = new SaveClient(openHost(), top);
  const request = (path: string) =>
    ({
      op: 'WALK',
      header: { nodeid: ROOT_ID },
      in: { flags: WALK_FOLLOW },
      names: [Buffer.from(path)],
    }) as unknown as Request<'WALK'>;
  let turns = 0;
  const turn = setInterval(() => turns++, 0);
  try {
    await walk(session, request('a/../'.repeat(13_000)), fuseHandlers, {});
    assert.ok(turns > 0, 'others had their turn');
  } finally {
    clearInterval(turn);
  }
  const tooLong = walk(session, request('a/../'.repeat(1 << 20)), fuseHandlers, {});
  await assert.rejects(tooLong, errno('ENAMETOOLONG'));
});

test('a value is saved to /proc/sys, where there is neither a size nor a disk', async () => {
  using places = new Places();
  const path = '/proc/sys/vm/swappiness';
  const before = readFileSync(path, 'utf8');
  const host = openHost();
  const options = optionsFor({ stateFolder: Buffer.from(places.folder('state')) });
  const trash = { homeTrash: undefined, uid: 0, now: () => new Date() };
  const client = new SaveClient(host, '/proc/sys/vm', new Saves(host, options, trash));
  const other = before.trim() === '50' ? '51' : '50';
  try {
    await client.save('swappiness', `${other}\n`);
    assert.equal(readFileSync(path, 'utf8').trim(), other);
    // What the kernel does not take is brought back, and said for what it is.
    await assert.rejects(client.save('swappiness', 'no number\n'), errno('EINVAL'));
    assert.equal(readFileSync(path, 'utf8').trim(), other);
    assert.deepEqual(client.saves.unfinished.list(), []);
  } finally {
    writeFileSync(path, before);
  }
});
