// What an agent did not live to finish, offered by the next one.
import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT_ID } from '../../src/protocol/brand';
import { ErrnoError } from '../../src/protocol/errno';
import { RecoverAction, RecoverKind } from '../../src/protocol/livemount';
import { decodeUnfinished } from '../../src/protocol/recover';
import { formatLine, openRecords, type SaveRecord } from '../../src/server/save/record';
import { Saves } from '../../src/server/save/saves';
import { FaultHostFs, type Lack } from '../fixtures/faultHostFs';
import { namesIn, openHost, Places } from './places';
import { optionsFor, SaveClient } from './saveClient';

const NO_TRASH = { homeTrash: undefined, uid: undefined, now: () => new Date() };
const errno = (code: string) => (error: unknown) => error instanceof ErrnoError && error.code === code;

/** A file with two names that an agent was writing in place when it died; and the next agent, with a client. */
async function interrupted(places: Places, lack?: Lack) {
  const folder = places.folder('w');
  const file = join(folder, 'a');
  writeFileSync(file, 'old content');
  linkSync(file, join(folder, 'b'));
  const folders = {
    runFolder: Buffer.from(places.folder('run')),
    stateFolder: Buffer.from(places.folder('state')),
  };
  const host = openHost();
  // Overwritten, and neither cut to its length nor on disk.
  const faulty = new FaultHostFs(host);
  const dying = new SaveClient(faulty.host, folder, new Saves(faulty.host, optionsFor(folders), NO_TRASH));
  faulty.dieBefore('truncate');
  await Promise.race([dying.save('a', 'new'), faulty.killed]);
  assert.equal(readFileSync(file, 'utf8'), 'new content', 'a mixture');
  const next = new FaultHostFs(host, lack).host;
  const saves = new Saves(next, optionsFor({ ...folders, now: () => 5n }), NO_TRASH);
  await saves.unfinished.recover();
  const client = new SaveClient(host, folder, saves);
  const recover = async (action: number, id = 0n) =>
    decodeUnfinished(await client.do('RECOVER', ROOT_ID, { id, action } as never));
  return { folder, file, folders, host, saves, recover };
}

test('a save in place that was interrupted is listed, and restoring brings the old content back', async () => {
  using places = new Places();
  const { folder, file, recover } = await interrupted(places);
  const [save, ...others] = await recover(RecoverAction.LIST);
  assert.ok(save !== undefined && others.length === 0);
  assert.equal(save.kind, RecoverKind.INTERRUPTED);
  assert.equal(save.path.toString(), file);
  assert.equal(save.size, BigInt('old content'.length));
  assert.equal(readFileSync(save.kept, 'utf8'), 'old content');
  assert.deepEqual(await recover(RecoverAction.RESTORE, save.id), []);
  assert.equal(readFileSync(join(folder, 'b'), 'utf8'), 'old content');
  assert.deepEqual(namesIn(folder), ['a', 'b']);
  await assert.rejects(recover(RecoverAction.RESTORE, save.id), errno('ENOENT'));
});

test('what is kept can be let go', async () => {
  using places = new Places();
  const { folder, file, recover } = await interrupted(places);
  const [save] = await recover(RecoverAction.LIST);
  assert.deepEqual(await recover(RecoverAction.DISCARD, save?.id), []);
  assert.equal(readFileSync(file, 'utf8'), 'new content');
  assert.deepEqual(namesIn(folder), ['a', 'b']);
});

test('a decision that was not made is asked for again by the agent after the next', async () => {
  using places = new Places();
  const { folders, host, recover } = await interrupted(places);
  assert.equal((await recover(RecoverAction.LIST)).length, 1);
  const later = new Saves(host, optionsFor(folders), NO_TRASH);
  await later.unfinished.recover();
  assert.equal(later.unfinished.list().length, 1);
  const [save] = later.unfinished.list();
  await later.unfinished.restore(save?.id ?? 0n);
  const last = new Saves(host, optionsFor(folders), NO_TRASH);
  await last.unfinished.recover();
  assert.deepEqual(last.unfinished.list(), []);
});

test('what the next agent has no room to note is still known to the one after it', async () => {
  using places = new Places();
  const { folders, host, recover } = await interrupted(places, (call) =>
    call === 'create' ? 'ENOSPC' : undefined,
  );
  assert.equal((await recover(RecoverAction.LIST)).length, 1);
  const later = new Saves(host, optionsFor(folders), NO_TRASH);
  await later.unfinished.recover();
  assert.equal(later.unfinished.list().length, 1);
});

test('what can neither be written nor put back is offered at once, by the agent that met the error', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const file = join(folder, 'a');
  writeFileSync(file, 'old content');
  linkSync(file, join(folder, 'b'));
  const folders = { stateFolder: Buffer.from(places.folder('state')), isAlive: () => true };
  let copies = 0;
  let isBroken = true;
  // The backup is made, the new content is in the file, and then the disk fails.
  const { host } = new FaultHostFs(openHost(), (call) => {
    const isHit = call === 'truncate' || (call === 'copyRange' && ++copies > 2);
    return isHit && isBroken ? 'ENOSPC' : undefined;
  });
  const client = new SaveClient(host, folder, new Saves(host, optionsFor(folders), NO_TRASH));
  await assert.rejects(client.save('a', 'new'), errno('ENOTRECOVERABLE'));
  assert.equal(readFileSync(file, 'utf8'), 'new content', 'a mixture');
  isBroken = false;
  const recover = async (action: number, id = 0n) =>
    decodeUnfinished(await client.do('RECOVER', ROOT_ID, { id, action } as never));
  const [save, ...others] = await recover(RecoverAction.LIST);
  assert.ok(save !== undefined && others.length === 0);
  assert.equal(save.path.toString(), file);
  assert.equal(readFileSync(save.kept, 'utf8'), 'old content');
  assert.deepEqual(await recover(RecoverAction.RESTORE, save.id), []);
  assert.equal(readFileSync(file, 'utf8'), 'old content');
  assert.deepEqual(namesIn(folder), ['a', 'b']);
});

test('restoring a file that was deleted meanwhile makes it anew', async () => {
  using places = new Places();
  const { file, recover } = await interrupted(places);
  rmSync(file);
  const [save] = await recover(RecoverAction.LIST);
  await recover(RecoverAction.RESTORE, save?.id);
  assert.equal(readFileSync(file, 'utf8'), 'old content');
});

test('the notes of an agent that may be alive are left alone', async () => {
  using places = new Places();
  const { folders, host } = await interrupted(places);
  const other = new Saves(host, optionsFor({ ...folders, isAlive: () => true }), NO_TRASH);
  await other.unfinished.recover();
  assert.deepEqual(other.unfinished.list(), []);
});

test('what can’t be settled now is noted until it can', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const folders = { runFolder: Buffer.from(places.folder('run')) };
  const host = openHost();
  const noUnnamed = new FaultHostFs(host, (call) => (call === 'openUnnamed' ? 'EOPNOTSUPP' : undefined));
  const dying = new SaveClient(
    noUnnamed.host,
    folder,
    new Saves(noUnnamed.host, optionsFor(folders), NO_TRASH),
  );
  await dying.stage(ROOT_ID, Buffer.from('x'));
  assert.equal(namesIn(folder).length, 1);
  const broken = new FaultHostFs(host, (call) => (call === 'unlink' ? 'EIO' : undefined));
  await new Saves(broken.host, optionsFor(folders), NO_TRASH).unfinished.recover();
  assert.equal(namesIn(folder).length, 1);
  await new Saves(host, optionsFor(folders), NO_TRASH).unfinished.recover();
  assert.deepEqual(namesIn(folder), []);
  assert.ok(!existsSync(join(folder, 'x')));
});

test('a filesystem that hangs may still do what was asked: the note of it stays, and is of no harm', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const folders = { runFolder: Buffer.from(places.folder('run')) };
  const host = openHost();
  for (const slow of ['create', 'mkdir']) {
    const hanging = new FaultHostFs(host, (call) => {
      if (call === 'openUnnamed') return 'EOPNOTSUPP';
      return call === slow ? 'ETIMEDOUT' : undefined;
    });
    // The journal is on another filesystem.
    const saves = new Saves(hanging.host, optionsFor(folders), NO_TRASH);
    const client = new SaveClient(hanging.host, folder, saves);
    mkdirSync(join(folder, 'from'), { recursive: true });
    if (slow === 'mkdir') {
      const copying = client.do('COPY', ROOT_ID, { newdir: ROOT_ID, flags: 0 }, ['from', 'to']);
      await assert.rejects(copying, errno('ETIMEDOUT'));
      assert.equal(
        openRecords(readFileSync(join(places.top, 'run', namesIn(join(places.top, 'run'))[0] ?? ''))).length,
        1,
      );
    } else {
      await assert.rejects(client.stage(ROOT_ID, Buffer.from('x')), errno('ETIMEDOUT'));
    }
    await new Saves(host, optionsFor(folders), NO_TRASH).unfinished.recover();
    assert.deepEqual(namesIn(join(places.top, 'run')), []);
    assert.deepEqual(namesIn(folder), ['from']);
  }
});

test('records are read as they were written, whatever bytes the names have, and a torn line never began', () => {
  const odd = Buffer.from([0xff, 0x0a, 0x22, 0x5c, 0xc3, 0x28]);
  const directory = Buffer.concat([Buffer.from('/'), odd]);
  const temporary = Buffer.concat([Buffer.from('.'), odd, Buffer.from('.livemount-abcdefghijkl')]);
  const backup = Buffer.concat([directory, Buffer.from('/.livemount-backup-abcdefghijkl')]);
  const before = { ino: 2n ** 63n, size: 5n, mtimeNs: -7n };
  const records: SaveRecord[] = [
    { kind: 'temporary', directory, temporary },
    { kind: 'exchange', directory, name: odd, temporary, staged: 3n, before },
    { kind: 'backup', directory, name: odd, backup, before, timeNs: 9n },
    { kind: 'tree', directory, temporary, top: undefined },
    { kind: 'tree', directory, temporary, top: { ino: 5n, generation: 2n ** 64n - 1n } },
  ];
  const lines = records.map((record, id) => formatLine({ id, record }));
  const ended = formatLine({ id: 1, record: undefined });
  const [first, , ...others] = records;
  assert.deepEqual(openRecords(Buffer.concat(lines)), records);
  assert.deepEqual(openRecords(Buffer.concat([...lines, ended])), [first, ...others]);
  const torn = Buffer.concat(lines).subarray(0, -20);
  assert.deepEqual(openRecords(torn), records.slice(0, -1));
});

test('notes that can’t be read keep nobody from saving', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const folders = { stateFolder: Buffer.from(places.folder('state')) };
  const broken = new FaultHostFs(openHost(), (call, args) => {
    const directory = (args[0] as { path?: Buffer } | undefined)?.path;
    return call === 'open' && directory?.equals(folders.stateFolder) ? 'EIO' : undefined;
  });
  const saves = new Saves(broken.host, optionsFor(folders), NO_TRASH);
  await saves.unfinished.recover();
  await new SaveClient(broken.host, folder, saves).save('a', 'x');
  assert.deepEqual(saves.unfinished.list(), []);
});
