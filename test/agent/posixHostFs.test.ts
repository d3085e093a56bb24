import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { close } from '../../src/agent/libc/files';
import { runAsync, runSync } from '../../src/agent/libc/op';
import { MountTable } from '../../src/agent/posix/mountTable';
import { PathResolver } from '../../src/agent/posix/pathResolver';
import { PosixHostFs } from '../../src/agent/posix/posixHostFs';
import type { HostStat, Locator } from '../../src/server/host/hostFs';
import { OpenFlag } from '../../src/server/ops/openFlags';
import { TestMounts } from '../fixtures/mounts';

process.umask(0);

describe('the host', () => {
  const mounts = new TestMounts();
  const table = new MountTable();
  const host = new PosixHostFs(table);
  let top: string;
  const path = (name: string) => Buffer.from(join(top, name));
  const stat = async (name: string): Promise<HostStat> => host.stat({ path: path(name) });
  const known = async (name: string): Promise<Locator> => ({ path: path(name), expect: await stat(name) });
  const openDescriptors = () => fs.readdirSync('/proc/self/fd').length;

  before(() => {
    top = mounts.filesystem('ext4', mounts.directory('top'));
    table.refresh();
  });
  after(() => mounts.dispose());

  test('a file replaced behind its locator is ESTALE, whatever is done with it', async () => {
    fs.writeFileSync(join(top, 'file'), 'one');
    const at = await known('file');
    fs.writeFileSync(join(top, 'other'), 'two');
    fs.renameSync(join(top, 'other'), join(top, 'file'));
    const attempts = [
      async () => host.stat(at),
      async () => host.open(at, OpenFlag.RDWR | OpenFlag.TRUNC),
      async () => host.chmod(at, 0o777),
      async () => host.truncate(at, 0n),
      async () => host.setxattr(at, Buffer.from('user.a'), Buffer.from('b'), 0),
    ];
    for (const attempt of attempts) await assert.rejects(attempt, { code: 'ESTALE' });
    assert.equal(fs.readFileSync(join(top, 'file'), 'utf8'), 'two');
  });

  test('a name in a directory that was replaced is not looked up, made or removed', async () => {
    fs.mkdirSync(join(top, 'folder'));
    const folder = await known('folder');
    fs.renameSync(join(top, 'folder'), join(top, 'folder-moved'));
    fs.mkdirSync(join(top, 'folder'));
    fs.writeFileSync(join(top, 'folder/precious'), '');
    const name = Buffer.from('precious');
    await assert.rejects(async () => host.lookup(folder, name), { code: 'ESTALE' });
    await assert.rejects(async () => host.unlink(folder, name), { code: 'ESTALE' });
    await assert.rejects(async () => host.mkdir(folder, Buffer.from('new'), 0o777, 0), { code: 'ESTALE' });
    assert.deepEqual(fs.readdirSync(join(top, 'folder')), ['precious']);
  });

  test('a symbolic link on the way is not followed', async () => {
    fs.mkdirSync(join(top, 'real'));
    fs.writeFileSync(join(top, 'real/inside'), '');
    fs.symlinkSync('real', join(top, 'link'));
    await assert.rejects(async () => host.stat({ path: path('link/inside') }), { code: 'ELOOP' });
    assert.equal((await stat('link')).mode & 0o170000, 0o120000);
    assert.equal((await host.readlink({ path: path('link') })).toString(), 'real');
  });

  test('a number that is used again is another identity', async () => {
    const seen = new Map<string, bigint>();
    let reused = 0;
    for (let i = 0; i < 200; i++) {
      fs.writeFileSync(join(top, 'again'), '');
      const { ino, generation } = await stat('again');
      if (seen.has(String(ino))) {
        reused++;
        assert.notEqual(seen.get(String(ino)), generation);
      }
      seen.set(String(ino), generation);
      fs.unlinkSync(join(top, 'again'));
    }
    assert.ok(reused > 0, 'ext4 gave no number twice: the test shows nothing');
  });

  test('between operations nothing is held open: a mount can be unmounted at once', async () => {
    const disk = mounts.filesystem('tmpfs', join(top, 'disk'));
    table.refresh();
    const before = openDescriptors();
    fs.mkdirSync(join(disk, 'folder'));
    fs.writeFileSync(join(disk, 'folder/file'), 'x');
    const at = await known('disk/folder/file');
    await host.chmod(at, 0o600);
    await assert.rejects(async () => host.lookup({ path: path('disk/folder') }, Buffer.from('none')), {
      code: 'ENOENT',
    });
    const file = await host.open(at, OpenFlag.RDONLY);
    await file.close();
    const folder = await host.open(await known('disk/folder'), OpenFlag.DIRECTORY);
    assert.equal((await folder.list()).length, 1);
    await folder.close();
    assert.equal(openDescriptors(), before);
    mounts.unmount(disk);
    table.refresh();
    await assert.rejects(async () => host.stat(at), { code: 'ESTALE' });
  });

  test('one filesystem mounted twice is two superblocks with the same numbers', async () => {
    fs.mkdirSync(join(top, 'bound'));
    fs.mkdirSync(join(top, 'source'));
    fs.writeFileSync(join(top, 'source/file'), '');
    mounts.bind(join(top, 'source'), join(top, 'bound'));
    table.refresh();
    const [here, there] = [await stat('source/file'), await stat('bound/file')];
    assert.equal(here.ino, there.ino);
    assert.notEqual(here.sb, there.sb);
    assert.equal((await stat('bound')).mountRoot, true);
    await assert.rejects(
      async () =>
        host.rename(
          { path: path('source') },
          Buffer.from('file'),
          { path: path('bound') },
          Buffer.from('f'),
          0,
        ),
      {
        code: 'EXDEV',
      },
    );
    mounts.unmount(join(top, 'bound'));
  });

  test('a single file that is bound over another is a superblock of its own', async () => {
    fs.writeFileSync(join(top, 'covered'), 'covered');
    fs.writeFileSync(join(top, 'covering'), 'covering');
    mounts.bind(join(top, 'covering'), join(top, 'covered'));
    table.refresh();
    assert.notEqual((await stat('covered')).sb, (await stat('covering')).sb);
    assert.equal((await stat('covered')).ino, (await stat('covering')).ino);
    mounts.unmount(join(top, 'covered'));
  });

  test('a path longer than PATH_MAX is walked', async () => {
    const name = Buffer.alloc(250, 'n');
    let directory: Locator = { path: Buffer.from(top) };
    for (let i = 0; i < 40; i++) {
      const made = await host.mkdir(directory, name, 0o755, 0);
      directory = { path: Buffer.concat([directory.path, Buffer.from('/'), name]), expect: made };
    }
    assert.ok(directory.path.length > 10_000);
    assert.equal((await host.stat(directory)).mode & 0o777, 0o755);
    execFileSync('rm', ['-rf', name.toString()], { cwd: top });
  });

  test('devices, FIFOs and sockets are not opened', async () => {
    execFileSync('mkfifo', [join(top, 'fifo')]);
    await assert.rejects(async () => host.open({ path: path('fifo') }, OpenFlag.RDONLY), { code: 'ENXIO' });
    await assert.rejects(
      async () => host.create({ path: Buffer.from(top) }, Buffer.from('fifo'), OpenFlag.RDWR, 0o600, 0),
      {
        code: 'ENXIO',
      },
    );
  });

  test('creation obeys EXCL and the umask, and opens what is there without it', async () => {
    const directory = { path: Buffer.from(top) };
    const name = Buffer.from('created');
    const made = await host.create(directory, name, OpenFlag.RDWR, 0o666, 0o027);
    assert.equal(made.stat.mode & 0o777, 0o640);
    await made.file.write(Buffer.from('content'), 0n);
    await made.file.close();
    await assert.rejects(async () => host.create(directory, name, OpenFlag.RDWR | OpenFlag.EXCL, 0o666, 0), {
      code: 'EEXIST',
    });
    const again = await host.create(directory, name, OpenFlag.RDONLY, 0o666, 0);
    assert.equal(again.stat.ino, made.stat.ino);
    const into = Buffer.alloc(20);
    assert.equal(await again.file.read(into, 0n), 7);
    await again.file.close();
  });

  test('what is made for a caller belongs to it, and the agent is itself again behind it', async () => {
    const directory = { path: Buffer.from(top) };
    const credentials = { uid: 12_345, gid: 54_321 };
    const made = await host.mkdir(directory, Buffer.from('theirs'), 0o755, 0, { credentials });
    assert.deepEqual([made.uid, made.gid], [12_345, 54_321]);
    const own = await host.mkdir(directory, Buffer.from('ours'), 0o755, 0);
    assert.deepEqual([own.uid, own.gid], [0, 0]);
  });

  test('a file that is closed while a call is under way is closed behind it', async () => {
    fs.writeFileSync(join(top, 'busy'), Buffer.alloc(1 << 20));
    const file = await host.open({ path: path('busy') }, OpenFlag.RDWR);
    const syncing = file.sync(false);
    const closing = file.close();
    await assert.rejects(async () => file.read(Buffer.alloc(1), 0n), { code: 'EBADF' });
    await Promise.all([syncing, closing]);
  });

  test('without openat2 paths are walked name by name, to the same ends', async () => {
    const old = new PathResolver(false);
    fs.mkdirSync(join(top, 'x/y'), { recursive: true });
    fs.writeFileSync(join(top, 'x/y/z'), '');
    fs.symlinkSync('x', join(top, 'to-x'));
    const before = openDescriptors();
    runSync(close(runSync(old.open(path('x/y/z')))));
    await runAsync(close(await runAsync(old.open(path('to-x')))));
    assert.throws(() => runSync(old.open(path('x/y/none'))), { code: 'ENOENT' });
    assert.throws(() => runSync(old.open(path('to-x/y/z'))), { code: 'ENOTDIR' });
    assert.ok(openDescriptors() <= before, 'a descriptor was left open');
  });
});
