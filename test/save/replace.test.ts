import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ErrnoError } from '../../src/protocol/errno';
import { REPLACE_FSYNC, REPLACE_MODE, ReplaceHow } from '../../src/protocol/livemount';
import { OpenFlag } from '../../src/server/ops/openFlags';
import { FaultHostFs } from '../fixtures/faultHostFs';
import { namesIn, openHost, Places } from './places';
import { optionsFor, SaveClient } from './saveClient';
import { Saves } from '../../src/server/save/saves';

const errno = (code: string) => (error: unknown) => error instanceof ErrnoError && error.code === code;

test('a save over a file replaces it whole, and the reply is its version', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const file = join(folder, 'a.txt');
  writeFileSync(file, 'old');
  const client = new SaveClient(openHost(), folder);
  const reply = await client.save('a.txt', 'new content', { expect: await client.version('a.txt') });
  assert.equal(readFileSync(file, 'utf8'), 'new content');
  assert.equal(reply.how, ReplaceHow.RENAMED);
  assert.deepEqual(reply.version, await client.version('a.txt'));
  assert.deepEqual(namesIn(folder), ['a.txt']);
  assert.equal(client.session.handles.size, 0, 'the commit closed the handle');
});

test('saves follow each other with the version of the last reply', async () => {
  using places = new Places();
  const folder = places.folder('w');
  writeFileSync(join(folder, 'a'), '0');
  const client = new SaveClient(openHost(), folder);
  let expect = await client.version('a');
  for (let i = 1; i <= 20; i++) ({ version: expect } = await client.save('a', String(i), { expect }));
  assert.equal(readFileSync(join(folder, 'a'), 'utf8'), '20');
  assert.deepEqual(namesIn(folder), ['a']);
});

test('a save that expects another version changes nothing, and the content can be committed anyway', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const file = join(folder, 'a');
  writeFileSync(file, 'mine');
  const client = new SaveClient(openHost(), folder);
  const expect = await client.version('a');
  writeFileSync(file, 'theirs');
  const directory = await client.walk('');
  const fh = await client.stage(directory, Buffer.from('edited'));
  await assert.rejects(client.replace(directory, 'a', fh, { expect }), errno('EREMCHG'));
  assert.equal(readFileSync(file, 'utf8'), 'theirs');
  await client.replace(directory, 'a', fh);
  assert.equal(readFileSync(file, 'utf8'), 'edited');
  assert.deepEqual(namesIn(folder), ['a']);
});

test('a save that expects a file finds it deleted', async () => {
  using places = new Places();
  const folder = places.folder('w');
  writeFileSync(join(folder, 'a'), 'mine');
  const client = new SaveClient(openHost(), folder);
  const expect = await client.version('a');
  rmSync(join(folder, 'a'));
  await assert.rejects(client.save('a', 'edited', { expect }), errno('EREMCHG'));
  assert.deepEqual(namesIn(folder), []);
});

test('a new file appears whole, with 0666 less the umask or the mode asked for', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const client = new SaveClient(openHost(), folder);
  const reply = await client.save('plain', 'x', { absent: true });
  assert.equal(reply.how, ReplaceHow.CREATED);
  assert.equal(statSync(join(folder, 'plain')).mode & 0o7777, 0o644);
  await client.save('tool', 'x', { absent: true, flags: REPLACE_MODE, mode: 0o750 });
  assert.equal(statSync(join(folder, 'tool')).mode & 0o7777, 0o750);
  await assert.rejects(client.save('plain', 'y', { absent: true }), errno('EEXIST'));
  assert.equal(readFileSync(join(folder, 'plain'), 'utf8'), 'x');
  assert.deepEqual(namesIn(folder), ['plain', 'tool']);
});

test('a new file has what the directory’s default ACL gives it', async () => {
  using places = new Places();
  const folder = places.folder('w');
  execFileSync('setfacl', ['-d', '-m', 'u::rw,g::r,g:42:rw,o::-,m::rw', folder]);
  const client = new SaveClient(openHost(), folder);
  await client.save('ours', 'x', { absent: true });
  writeFileSync(join(folder, 'plain'), '');
  const acl = (name: string) => execFileSync('getfacl', ['-cnp', join(folder, name)], { encoding: 'utf8' });
  assert.equal(acl('ours'), acl('plain'));
  assert.match(acl('ours'), /group:42:rw-/);
  assert.deepEqual(namesIn(folder), ['ours', 'plain']);
});

test('mode, owner, group, ACL and extended attributes stay', async () => {
  using places = new Places();
  const folder = places.folder('w');
  execFileSync('setfacl', ['-d', '-m', 'g:43:rwx', folder]);
  const file = join(folder, 'a');
  writeFileSync(file, 'old');
  chownSync(file, 1234, 2345);
  execFileSync('setfacl', ['-b', file]);
  execFileSync('setfacl', ['-m', 'u:42:rw,g:44:r', file]);
  execFileSync('setfattr', ['-n', 'user.note', '-v', 'kept', file]);
  execFileSync('setfattr', ['-n', 'trusted.mark', '-v', 'kept too', file]);
  chmodSync(file, 0o2741);
  const seen = () => ({
    stat: (({ mode, uid, gid }) => ({ mode, uid, gid }))(statSync(file)),
    acl: execFileSync('getfacl', ['-cp', file], { encoding: 'utf8' }),
    attributes: execFileSync('getfattr', ['-dm', '-', '--absolute-names', file], { encoding: 'utf8' }),
  });
  const before = seen();
  const client = new SaveClient(openHost(), folder);
  const { how } = await client.save('a', 'new');
  assert.equal(how, ReplaceHow.RENAMED);
  assert.deepEqual(seen(), before);
  assert.equal(readFileSync(file, 'utf8'), 'new');
});

test('capabilities go with the content they were given to', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const file = join(folder, 'tool');
  writeFileSync(file, 'old');
  const value = '0x0100000200200000000000000000000000000000';
  execFileSync('setfattr', ['-n', 'security.capability', '-v', value, file]);
  const client = new SaveClient(openHost(), folder);
  await client.save('tool', 'new');
  const attributes = execFileSync('getfattr', ['-dm', '-', '--absolute-names', file], { encoding: 'utf8' });
  assert.doesNotMatch(attributes, /capability/);
});

test('a file with several links is written in place, and all its names see it', async () => {
  using places = new Places();
  const folder = places.folder('w');
  writeFileSync(join(folder, 'a'), 'old, and longer than the new one');
  linkSync(join(folder, 'a'), join(folder, 'b'));
  const client = new SaveClient(openHost(), folder);
  const reply = await client.save('a', 'new', { expect: await client.version('a') });
  assert.equal(reply.how, ReplaceHow.IN_PLACE);
  assert.equal(readFileSync(join(folder, 'b'), 'utf8'), 'new');
  assert.deepEqual(reply.version, await client.version('b'));
  assert.deepEqual(namesIn(folder), ['a', 'b']);
});

test('a bind-mounted file is written in place', async () => {
  using places = new Places();
  const folder = places.folder('w');
  writeFileSync(join(folder, 'inside'), '');
  writeFileSync(join(places.top, 'outside'), 'old');
  places.bind(join(places.top, 'outside'), join(folder, 'inside'));
  const client = new SaveClient(openHost(), folder);
  const reply = await client.save('inside', 'new', { expect: await client.version('inside') });
  assert.equal(reply.how, ReplaceHow.IN_PLACE);
  assert.equal(readFileSync(join(places.top, 'outside'), 'utf8'), 'new');
  assert.deepEqual(namesIn(folder), ['inside']);
});

test('a name that stands for a directory is EISDIR', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const client = new SaveClient(openHost(), folder);
  await assert.rejects(
    client.save('a', 'x', { beforeReplace: () => mkdirSync(join(folder, 'a')) }),
    errno('EISDIR'),
  );
  assert.deepEqual(namesIn(folder), ['a']);
});

test('a name that has become a symbolic link is not followed', async () => {
  using places = new Places();
  const folder = places.folder('w');
  writeFileSync(join(places.top, 'victim'), 'theirs');
  symlinkSync(join(places.top, 'victim'), join(folder, 'a'));
  const client = new SaveClient(openHost(), folder);
  await assert.rejects(client.save('a', 'x'), errno('ELOOP'));
  assert.equal(readFileSync(join(places.top, 'victim'), 'utf8'), 'theirs');
});

test('a save goes to the directory it was staged in, also when that was moved meanwhile', async () => {
  using places = new Places();
  const folder = places.folder('w');
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'sub/a'), 'old');
  const client = new SaveClient(openHost(), folder);
  const moved = () => renameSync(join(folder, 'sub'), join(folder, 'moved'));
  await assert.rejects(client.save('sub/a', 'new', { beforeReplace: moved }), errno('ESTALE'));
  assert.equal(readFileSync(join(folder, 'moved/a'), 'utf8'), 'old');
  await client.save('moved/a', 'new');
  assert.equal(readFileSync(join(folder, 'moved/a'), 'utf8'), 'new');
});

test('names up to 255 bytes can be saved, longer ones are ENAMETOOLONG', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const name = 'ü'.repeat(127);
  writeFileSync(join(folder, name), 'old');
  const client = new SaveClient(openHost(), folder);
  await client.save(name, 'new', { expect: await client.version(name) });
  assert.equal(readFileSync(join(folder, name), 'utf8'), 'new');
  await assert.rejects(client.save('x'.repeat(256), 'new'), errno('ENAMETOOLONG'));
  assert.deepEqual(namesIn(folder), [name]);
});

test('a write that failed is never committed', async () => {
  using places = new Places();
  const folder = places.tmpfs('small', 'size=1m');
  writeFileSync(join(folder, 'a'), 'old');
  const client = new SaveClient(openHost(), folder);
  const directory = await client.walk('');
  const fh = await client.stage(directory, Buffer.from('x'));
  const { nodeid } = client.session.handles.get(fh);
  const data = Buffer.alloc(2 << 20);
  const write = { fh, offset: 0n, size: data.length, write_flags: 0, lock_owner: 0n, flags: 0 } as const;
  await assert.rejects(client.do('WRITE', nodeid, write as never, [], data), errno('ENOSPC'));
  await assert.rejects(client.replace(directory, 'a', fh), errno('ENOSPC'));
  await client.release(fh);
  assert.equal(readFileSync(join(folder, 'a'), 'utf8'), 'old');
  assert.deepEqual(namesIn(folder), ['a']);
});

test('with durability the file and its directory are synced, and nothing is dirty behind it', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const client = new SaveClient(openHost(), folder);
  const { session } = client;
  const { sb } = session.inodes.root.identity;
  await client.save('a', 'x', { absent: true, flags: REPLACE_FSYNC });
  assert.equal(session.dirty.count(sb), 0);
  await client.save('a', 'y');
  assert.equal(session.dirty.count(sb), 2, 'the file and its directory');
  await client.do('SYNCFS', await client.walk('a'), {} as never);
  assert.equal(session.dirty.count(sb), 0);
});

test('a durable save into a directory that may be written and not read is acknowledged', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const file = join(folder, 'a');
  writeFileSync(file, 'old');
  const unreadable = new FaultHostFs(openHost(), (call, [, flags]) =>
    call === 'open' && Number(flags) & OpenFlag.DIRECTORY ? 'EACCES' : undefined,
  );
  const client = new SaveClient(unreadable.host, folder);
  await client.save('a', 'new', { flags: REPLACE_FSYNC });
  assert.equal(readFileSync(file, 'utf8'), 'new');
  unreadable.arm('EIO', 1_000);
  await client.save('b', 'new', { flags: REPLACE_FSYNC });
  assert.ok(
    unreadable.calls.lastIndexOf('sync') > unreadable.calls.indexOf('linkInto'),
    'the name is on disk',
  );
});

test('what another program appends while a file is written in place is no tail of the new content', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const file = join(folder, 'a');
  writeFileSync(file, 'old');
  linkSync(file, join(folder, 'b'));
  let appended = false;
  let copies = 0;
  const meddled = new FaultHostFs(openHost(), (call) => {
    // The first copy is the backup's, the second that of the new content.
    if (call === 'copyRange' && ++copies === 2) {
      appended = true;
      appendFileSync(file, 'a tail that is longer than all of it');
    }
    return undefined;
  });
  const client = new SaveClient(
    meddled.host,
    folder,
    new Saves(meddled.host, optionsFor(), { homeTrash: undefined, uid: 0, now: () => new Date() }),
  );
  await client.save('a', 'new content');
  assert.ok(appended);
  assert.equal(readFileSync(file, 'utf8'), 'new content');
});

test('two sessions that save one file: one wins whole, the other gets a conflict', async () => {
  using places = new Places();
  const folder = places.folder('w');
  writeFileSync(join(folder, 'a'), 'old');
  const host = openHost();
  const saves = new Saves(host, optionsFor(), { homeTrash: undefined, uid: 0, now: () => new Date() });
  const clients = [new SaveClient(host, folder, saves), new SaveClient(host, folder, saves)];
  for (let round = 0; round < 20; round++) {
    const results = await Promise.allSettled(
      clients.map(async (client, i) => {
        const expect = await client.version('a');
        return client.save('a', `round ${round} of ${i}`, { expect });
      }),
    );
    const won = results.filter((result) => result.status === 'fulfilled');
    for (const result of results) {
      if (result.status === 'rejected') assert.ok(errno('EREMCHG')(result.reason), String(result.reason));
    }
    assert.ok(won.length >= 1);
    assert.match(readFileSync(join(folder, 'a'), 'utf8'), new RegExp(`^round ${round} of [01]$`));
  }
  assert.deepEqual(namesIn(folder), ['a']);
});

test('200 files saved at once are all whole', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const names = Array.from({ length: 200 }, (_, i) => `file-${i}`);
  for (const name of names) writeFileSync(join(folder, name), 'old');
  const client = new SaveClient(openHost(), folder);
  await Promise.all(
    names.map(async (name) => client.save(name, `new ${name}`, { expect: await client.version(name) })),
  );
  for (const name of names) assert.equal(readFileSync(join(folder, name), 'utf8'), `new ${name}`);
  assert.deepEqual(namesIn(folder), [...names].sort());
  assert.equal(client.session.handles.size, 0);
});

test('content of many chunks arrives in one piece', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i * 7));
  const client = new SaveClient(openHost(), folder);
  await client.save('big', content, { absent: true, chunk: 4096 });
  assert.ok(readFileSync(join(folder, 'big')).equals(content));
});

test('times of other files are left alone, and those of the saved one are of its last write', async () => {
  using places = new Places();
  const folder = places.folder('w');
  const file = join(folder, 'a');
  writeFileSync(file, 'old');
  utimesSync(file, 1000, 1000);
  const client = new SaveClient(openHost(), folder);
  await client.save('a', 'new');
  assert.ok(statSync(file).mtimeMs > 1_000_000_000_000);
  assert.ok(existsSync(file));
});

test('a file that may not be changed at all is EPERM, and stays as it is', async () => {
  using places = new Places();
  const folder = places.image('w', 'ext4', 16);
  for (const flag of ['i', 'a']) {
    const file = join(folder, flag);
    writeFileSync(file, 'old');
    execFileSync('chattr', [`+${flag}`, file]);
    const client = new SaveClient(openHost(), folder);
    await assert.rejects(client.save(flag, 'new'), errno('EPERM'), `chattr +${flag}`);
    execFileSync('chattr', [`-${flag}`, file]);
    assert.equal(readFileSync(file, 'utf8'), 'old');
  }
  assert.deepEqual(
    namesIn(folder).filter((name) => name !== 'lost+found'),
    ['a', 'i'],
  );
});

test('a save in place that failed and was undone can be tried again, with the version last seen', async () => {
  using places = new Places();
  const folder = places.folder('w');
  writeFileSync(join(folder, 'a'), 'old');
  linkSync(join(folder, 'a'), join(folder, 'b'));
  let failures = 2;
  let syncs = 0;
  const faulty = new FaultHostFs(openHost(), (call) => {
    if (call === 'openUnnamed') syncs = 0;
    // The backup, its directory, and then the file with its new content.
    return call === 'sync' && ++syncs === 3 && failures-- > 0 ? 'EIO' : undefined;
  });
  const client = new SaveClient(faulty.host, folder);
  const expect = await client.version('a');
  for (let tries = 1; tries <= 2; tries++) {
    await assert.rejects(client.save('a', 'new', { expect }), errno('EIO'));
    assert.equal(syncs, 4, 'it was written, and brought back');
    assert.equal(readFileSync(join(folder, 'b'), 'utf8'), 'old');
    assert.notEqual((await client.version('a')).ctime_ns, expect.ctime_ns);
  }
  await client.save('a', 'new', { expect });
  assert.equal(readFileSync(join(folder, 'b'), 'utf8'), 'new');
  writeFileSync(join(folder, 'a'), 'theirs');
  await assert.rejects(client.save('a', 'newer', { expect }), errno('EREMCHG'));
});
