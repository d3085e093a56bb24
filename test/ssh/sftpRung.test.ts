import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import type { Vfs } from '../../src/client/vfs';
import { ErrnoError, type ErrnoName } from '../../src/protocol/errno';
import { openHost } from '../../src/ssh/host';
import type { AgentPayload } from '../../src/ssh/agent/payload';
import { TcpProxy } from '../fixtures/proxy';
import { startSshd } from '../fixtures/sshd';

/** Never sent: the rung has no agent. */
const payload: AgentPayload = {
  agent: { sha256: '0'.repeat(64), packed: () => Promise.reject(new Error('no agent')) },
  natives: new Map(),
};

interface Rung {
  readonly vfs: Vfs;
  readonly proxy: TcpProxy;
  /** A folder of the host to work in. */
  readonly folder: string;
}

/** A tree over a server that allows SFTP alone, through a proxy. */
async function overSftp(t: TestContext): Promise<Rung> {
  const sshd = await startSshd({ settings: { ForceCommand: 'internal-sftp' } });
  t.after(() => sshd.dispose());
  const proxy = await TcpProxy.start({ targetPort: sshd.port });
  t.after(() => proxy.dispose());
  sshd.addHost('sftp-only', { Port: `${proxy.port}` });
  const folder = mkdtempSync(join(tmpdir(), 'livemount-sftp-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const link = await openHost('sftp-only', {
    configFile: sshd.configFile,
    payload,
    silenceMs: 2000,
    graceS: 60,
  });
  assert.equal(link.rung, 'sftp');
  const vfs = await connectVfs(link);
  t.after(() => vfs.dispose());
  return { vfs, proxy, folder };
}

async function failsWith(code: ErrnoName, operation: Promise<unknown>): Promise<void> {
  await assert.rejects(operation, (error: unknown) => {
    assert.ok(error instanceof ErrnoError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}

const content = (text: string) => Buffer.from(text);

test('over SFTP files are written, read, renamed and removed', async (t) => {
  const { vfs, folder } = await overSftp(t);
  const path = join(folder, 'file');
  await vfs.writeFile(path, content('one'), { create: true, overwrite: false, expect: 'any' });
  assert.equal(readFileSync(path, 'utf8'), 'one');
  chmodSync(path, 0o640);
  await vfs.writeFile(path, content('two, longer'), { create: false, overwrite: true, expect: 'any' });
  assert.equal(readFileSync(path, 'utf8'), 'two, longer');
  assert.equal(lstatSync(path).mode & 0o777, 0o640);
  assert.deepEqual(readdirSync(folder), ['file']);

  await vfs.mkdir(join(folder, 'directory'));
  await vfs.rename(path, join(folder, 'directory/moved'), { overwrite: false });
  assert.equal(readFileSync(join(folder, 'directory/moved'), 'utf8'), 'two, longer');
  const moved = await vfs.stat(join(folder, 'directory/moved'));
  assert.equal(moved.size, 11n);
  await vfs.remove(join(folder, 'directory'), { recursive: true });
  assert.deepEqual(readdirSync(folder), []);
});

test('over SFTP a large file comes and goes whole', async (t) => {
  const { vfs, folder } = await overSftp(t);
  const large = Buffer.alloc(5_000_001, 'livemount');
  await vfs.writeFile(join(folder, 'large'), large, { create: true, overwrite: false, expect: 'any' });
  assert.ok(readFileSync(join(folder, 'large')).equals(large));
  writeFileSync(join(folder, 'theirs'), large);
  assert.ok((await vfs.readFile(join(folder, 'theirs'))).equals(large));
});

test('over SFTP errors are those of a filesystem', async (t) => {
  const { vfs, folder } = await overSftp(t);
  mkdirSync(join(folder, 'full/inner'), { recursive: true });
  writeFileSync(join(folder, 'file'), '');
  symlinkSync('nowhere', join(folder, 'broken'));
  await failsWith('ENOENT', vfs.stat(join(folder, 'missing')));
  await failsWith('ENOTDIR', vfs.readDirectory(join(folder, 'file')));
  await failsWith('EISDIR', vfs.readFile(join(folder, 'full')));
  await failsWith('ENOTEMPTY', vfs.remove(join(folder, 'full'), { recursive: false }));
  await failsWith('EEXIST', vfs.mkdir(join(folder, 'full')));
  await failsWith('EEXIST', vfs.rename(join(folder, 'file'), join(folder, 'full'), { overwrite: false }));
  assert.equal((await vfs.lstat(join(folder, 'broken'))).isSymlink, true);
});

test('over SFTP what others change is found by looking', async (t) => {
  const { vfs, folder } = await overSftp(t);
  writeFileSync(join(folder, 'old'), 'old');
  mkdirSync(join(folder, 'below'));
  const told: string[] = [];
  let wanted: { readonly text: string; readonly found: () => void } | undefined;
  const watch = vfs.watch(folder, { recursive: true, excludes: [] }, (changes) => {
    told.push(...changes.map(({ kind, path }) => `${kind} ${path}`));
    if (wanted !== undefined && told.includes(wanted.text)) wanted.found();
  });
  t.after(() => watch.dispose());
  await watch.ready;
  const until = (text: string) =>
    new Promise<void>((found) => {
      wanted = { text, found };
      if (told.includes(text)) found();
    });
  writeFileSync(join(folder, 'below/new'), 'new');
  await until(`create ${join(folder, 'below/new')}`);
  writeFileSync(join(folder, 'old'), 'changed');
  await until(`modify ${join(folder, 'old')}`);
  renameSync(join(folder, 'old'), join(tmpdir(), `livemount-gone-${process.pid}`));
  t.after(() => rmSync(join(tmpdir(), `livemount-gone-${process.pid}`), { force: true }));
  await until(`delete ${join(folder, 'old')}`);
});

test('over SFTP the tree goes on after a drop', async (t) => {
  const { vfs, proxy, folder } = await overSftp(t);
  await vfs.writeFile(join(folder, 'before'), content('before'), {
    create: true,
    overwrite: false,
    expect: 'any',
  });
  proxy.reset();
  await vfs.writeFile(join(folder, 'after'), content('after'), {
    create: true,
    overwrite: false,
    expect: 'any',
  });
  assert.equal((await vfs.readFile(join(folder, 'before'))).toString(), 'before');
  assert.ok(existsSync(join(folder, 'after')));
});
