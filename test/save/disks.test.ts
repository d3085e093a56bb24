// Filesystems that fill up, run out of quota or turn read-only while a file is saved.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { ErrnoError } from '../../src/protocol/errno';
import { REPLACE_FSYNC } from '../../src/protocol/livemount';
import { Saves } from '../../src/server/save/saves';
import { FaultHostFs } from '../fixtures/faultHostFs';
import { namesIn, openHost, Places } from './places';
import { optionsFor, SaveClient } from './saveClient';
import { type Way, ways } from './ways';

const errno =
  (...codes: string[]) =>
  (error: unknown) =>
    error instanceof ErrnoError && codes.includes(error.code);
const NO_TRASH = { homeTrash: undefined, uid: 0, now: () => new Date() };
const KIB = 1024;
const OLD = Buffer.alloc(40 * KIB, 'old ');
const NEW = Buffer.alloc(100 * KIB, 'new ');

/** Saves over a file with less and less room for it; whatever the answer, the file is whole. */
async function saveWithLessAndLessRoom(
  places: Places,
  folder: string,
  way: Way,
  code: string,
): Promise<void> {
  const { host } = new FaultHostFs(openHost(), way.lack);
  const file = join(folder, 'a');
  let saved = 0;
  let refused = 0;
  const state = Buffer.from(places.folder('state'));
  const run = Buffer.from(places.folder('run'));
  const filler = join(folder, 'filler');
  for (let room = 320 * KIB; room >= 0; room -= 20 * KIB) {
    rmSync(file, { force: true });
    rmSync(`${file}-too`, { force: true });
    if (!way.isNew) {
      writeFileSync(file, OLD);
      way.prepare?.(file);
    }
    fill(filler, room);
    const before = namesIn(folder);
    const saves = new Saves(host, optionsFor({ stateFolder: state, runFolder: run }), NO_TRASH);
    const client = new SaveClient(host, folder, saves);
    const error = await client.save('a', NEW, way.how).then(
      () => undefined,
      (failed: unknown) => failed,
    );
    const where = `with ${room / KIB} KiB: ${error}`;
    if (error === undefined) {
      saved++;
      assert.ok(readFileSync(file).equals(NEW), where);
    } else {
      refused++;
      assert.ok(errno(code)(error), where);
      if (!way.isNew) assert.ok(readFileSync(file).equals(OLD), where);
      assert.deepEqual(namesIn(folder), before, where);
    }
    assert.equal(namesIn(folder).filter((name) => name.includes('livemount')).length, 0, where);
    assert.deepEqual(saves.unfinished.list(), []);
    await client.saves.close();
    rmSync(filler, { force: true });
  }
  assert.ok(saved > 0 && refused > 0, `${saved} saved, ${refused} refused`);
}

/** Takes all the room of a filesystem but so many bytes. */
function fill(filler: string, room: number): void {
  const size = () => statSync(filler).size;
  writeFileSync(filler, '');
  for (let step = 4 << 20; step >= 4 * KIB; step /= 2) {
    const part = Buffer.alloc(step, 'x');
    for (;;) {
      const before = size();
      try {
        writeFileSync(filler, part, { flag: 'a' });
      } catch {
        truncateSync(filler, before);
        break;
      }
    }
  }
  truncateSync(filler, Math.max(0, size() - room));
}

for (const [name, way] of Object.entries(ways)) {
  test(`${name}, on a tmpfs that fills up: a save that finds no room leaves the old file`, async () => {
    using places = new Places();
    const folder = places.tmpfs('w', 'size=4m');
    await saveWithLessAndLessRoom(places, folder, way, 'ENOSPC');
  });
}

for (const name of ['over a file', 'over a file, with neither', 'in place, for a second link']) {
  test(`${name}, on an ext4 that fills up: a save that finds no room leaves the old file`, async () => {
    using places = new Places();
    const folder = places.image('w', 'ext4', 8);
    await saveWithLessAndLessRoom(places, folder, ways[name] as Way, 'ENOSPC');
  });

  test(`${name}, in a btrfs quota group that fills up: a save beyond it is EDQUOT and leaves the old file`, async () => {
    using places = new Places();
    const top = places.image('fs', 'btrfs', 128);
    execFileSync('btrfs', ['subvolume', 'create', join(top, 'w')], { stdio: 'ignore' });
    execFileSync('btrfs', ['quota', 'enable', top]);
    execFileSync('btrfs', ['qgroup', 'limit', '1M', join(top, 'w')]);
    const folder = join(top, 'w');
    const way = ways[name] as Way;
    const { host } = new FaultHostFs(openHost(), way.lack);
    writeFileSync(join(folder, 'a'), OLD);
    way.prepare?.(join(folder, 'a'));
    const before = namesIn(folder);
    const state = Buffer.from(places.folder('state'));
    const client = new SaveClient(
      host,
      folder,
      new Saves(host, optionsFor({ stateFolder: state }), NO_TRASH),
    );
    await assert.rejects(client.save('a', Buffer.alloc(3 << 20), { flags: REPLACE_FSYNC }), errno('EDQUOT'));
    assert.ok(readFileSync(join(folder, 'a')).equals(OLD));
    assert.deepEqual(namesIn(folder), before);
    await client.save('a', NEW, { flags: REPLACE_FSYNC });
    assert.ok(readFileSync(join(folder, 'a')).equals(NEW));
  });
}

/** Makes a filesystem meet an error of its own, which turns it read-only. (ext4: errors=remount-ro) */
function breakFilesystem(folder: string): void {
  const source = execFileSync('findmnt', ['-no', 'SOURCE', folder], { encoding: 'utf8' }).trim();
  writeFileSync(`/sys/fs/ext4/${basename(realpathSync(source))}/trigger_fs_error`, 'test');
}

for (const name of ['over a file', 'in place, for a second link', 'a new file']) {
  for (const moment of ['before', 'in the middle of'] as const) {
    test(`${name}: a filesystem that turns read-only ${moment} a save leaves the old file`, async () => {
      using places = new Places();
      const folder = places.image('w', 'ext4', 16, 'errors=remount-ro');
      const way = ways[name] as Way;
      if (!way.isNew) {
        writeFileSync(join(folder, 'a'), OLD);
        way.prepare?.(join(folder, 'a'));
      }
      const before = namesIn(folder);
      execFileSync('sync', ['-f', folder]);
      const host = openHost();
      const client = new SaveClient(host, folder, new Saves(host, optionsFor(), NO_TRASH));
      if (moment === 'before') breakFilesystem(folder);
      const beforeReplace = () => {
        if (moment !== 'before') breakFilesystem(folder);
      };
      await assert.rejects(client.save('a', NEW, { beforeReplace }), errno('EROFS', 'EIO'));
      if (!way.isNew) assert.ok(readFileSync(join(folder, 'a')).equals(OLD));
      assert.deepEqual(namesIn(folder), before);
      assert.ok(statfsSync(folder).blocks > 0);
    });
  }
}
