// Each command of the program over a real sshd, with the real agent.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { after, before, test } from 'node:test';
import { COMMANDS } from '../../src/cli/commandTable';
import { TcpProxy } from '../fixtures/proxy';
import { eventually } from './eventually';
import { type Host, startHost } from './host';

let host: Host;
before(async () => {
  host = await startHost({ ownHome: true });
});
after(() => host?.dispose());

/** Runs the program and expects success. */
async function succeed(args: readonly string[], stdin?: string | Buffer): Promise<string> {
  const { code, stdout, stderr } = await host.cli.run(args, stdin === undefined ? {} : { stdin });
  assert.equal(code, 0, stderr);
  return stdout.toString();
}

test('ls shows what is there, and where mounts begin', async (t) => {
  mkdirSync(host.path('list/mounted'), { recursive: true });
  writeFileSync(host.path('list/b'), 'beta');
  writeFileSync(host.path('list/a'), 'alpha');
  symlinkSync('a', host.path('list/link'));
  assert.equal(await succeed(['ls', host.at('list')]), 'a\nb\nlink\nmounted\n');
  execFileSync('mount', ['-t', 'tmpfs', 'livemount-test', host.path('list/mounted')]);
  t.after(() => execFileSync('umount', [host.path('list/mounted')]));
  const long = (await succeed(['ls', '-l', host.at('list')])).split('\n');
  assert.match(long[0] ?? '', /^-rw-r--r--\s+1\s+root\s+root\s+5\s+[-\d]+ [:\d]+\s+a$/);
  assert.match(long[2] ?? '', /^lrwxrwxrwx .* link -> a$/);
  assert.match(long[3] ?? '', /^drwxrwxrwt .* mounted \[tmpfs livemount-test\]$/);
});

test('cat brings every byte, of a small and of a large file', async () => {
  for (const size of [0, 1, 4096, (5 << 20) + 7]) {
    const content = randomBytes(size);
    writeFileSync(host.path('content'), content);
    const { code, stdout } = await host.cli.run(['cat', host.at('content')]);
    assert.equal(code, 0);
    assert.ok(stdout.equals(content), `${size} bytes`);
  }
});

test('put saves from a file and from standard input, small and large', async () => {
  for (const size of [0, 1, 4096, (5 << 20) + 7]) {
    const content = randomBytes(size);
    await succeed(['put', '-', host.at('saved')], content);
    assert.ok(readFileSync(host.path('saved')).equals(content), `${size} bytes`);
  }
  writeFileSync(host.path('local'), 'from a file');
  await succeed(['put', host.path('local'), host.at('saved')]);
  assert.equal(readFileSync(host.path('saved'), 'utf8'), 'from a file');
});

test('put keeps mode and links, and leaves nothing beside the file', async () => {
  mkdirSync(host.path('keep'));
  writeFileSync(host.path('keep/script'), 'old', { mode: 0o750 });
  symlinkSync('script', host.path('keep/link'));
  await succeed(['put', '-', host.at('keep/link')], 'new');
  assert.equal(readFileSync(host.path('keep/script'), 'utf8'), 'new');
  assert.equal(statSync(host.path('keep/script')).mode & 0o777, 0o750);
  assert.ok(lstatSync(host.path('keep/link')).isSymbolicLink());
  writeFileSync(host.path('keep/one'), 'old');
  linkSync(host.path('keep/one'), host.path('keep/two'));
  await succeed(['put', '-', host.at('keep/one')], 'both');
  assert.equal(readFileSync(host.path('keep/two'), 'utf8'), 'both');
  assert.deepEqual(readdirSync(host.path('keep')).sort(), ['link', 'one', 'script', 'two']);
});

test('put does not overwrite what was changed while its input arrived', async () => {
  writeFileSync(host.path('contested'), 'first');
  const child = host.cli.start(['put', '-v', '-', host.at('contested')]);
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  child.stdin.write('ours, ');
  while (!said.includes('the input is read')) await once(child.stderr, 'data');
  writeFileSync(host.path('contested'), 'theirs');
  child.stdin.end('too late');
  await once(child, 'close');
  assert.equal(child.exitCode, 3, said);
  assert.match(said, /contested: it was changed on the host meanwhile; nothing was written/);
  assert.equal(readFileSync(host.path('contested'), 'utf8'), 'theirs');
});

test('a connection that is cut in the middle of a put does not harm it: the file is saved whole, once', async (t) => {
  const proxy = await TcpProxy.start({ targetPort: host.sshd.port });
  t.after(() => proxy.dispose());
  const alias = `cut-${proxy.port}`;
  host.sshd.addHost(alias, { Port: `${proxy.port}` });
  mkdirSync(host.path('cut'));
  writeFileSync(host.path('cut/file'), 'old');
  const content = randomBytes(6 << 20);
  for (const after of [1 << 20, 3 << 20, 6 << 20]) {
    proxy.endAfter(after, 'up');
    const { code, stderr } = await host.cli.run(['put', '-', host.cli.at(host.path('cut/file'), alias)], {
      stdin: content,
    });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /reconnecting/, 'it was cut');
    assert.ok(readFileSync(host.path('cut/file')).equals(content));
    assert.deepEqual(readdirSync(host.path('cut')), ['file']);
  }
});

test('put --create leaves an existing file alone', async () => {
  writeFileSync(host.path('existing'), 'theirs');
  const { code, stderr } = await host.cli.run(['put', '--create', '-', host.at('existing')], {
    stdin: 'ours',
  });
  assert.equal(code, 3, stderr);
  assert.equal(readFileSync(host.path('existing'), 'utf8'), 'theirs');
});

test('put --expect saves over the version that stat told, and over no other', async () => {
  writeFileSync(host.path('versioned'), 'one');
  const { version } = JSON.parse(await succeed(['stat', '--json', host.at('versioned')]));
  await succeed(['put', '--expect', version, '-', host.at('versioned')], 'two');
  assert.equal((await host.cli.run(['put', '--expect', version, '-', host.at('versioned')])).code, 3);
  assert.equal(readFileSync(host.path('versioned'), 'utf8'), 'two');
});

test('stat tells of the file what the host knows', async () => {
  writeFileSync(host.path('facts'), '12345');
  chmodSync(host.path('facts'), 0o640);
  const expected = statSync(host.path('facts'));
  const facts = JSON.parse(await succeed(['stat', '--json', host.at('facts')]));
  assert.equal(facts.size, 5);
  assert.equal(facts.mode, 0o640);
  assert.equal(Math.floor(facts.mtime), Math.floor(expected.mtimeMs));
  assert.match(facts.superblock, /^\d+:\d+@\d+$/);
});

test('mkdir, cp, mv and rm change the host’s tree', async () => {
  await succeed(['mkdir', '-p', host.at('tree/deep/er')]);
  // sshd starts the agent with the umask of this process.
  assert.equal(statSync(host.path('tree/deep')).mode & 0o777, 0o777 & ~process.umask());
  writeFileSync(host.path('tree/deep/er/file'), 'content');
  await succeed(['cp', host.at('tree'), host.path('copy')]);
  assert.equal(readFileSync(host.path('copy/deep/er/file'), 'utf8'), 'content');
  await succeed(['mv', host.at('copy'), host.at('moved')]);
  assert.equal(existsSync(host.path('copy')), false);
  const refused = await host.cli.run(['rm', host.at('moved')]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /moved: it is a folder\. rm -r/);
  await succeed(['rm', '-r', host.at('moved')]);
  assert.equal(existsSync(host.path('moved')), false);
  assert.equal(readFileSync(host.path('tree/deep/er/file'), 'utf8'), 'content');
});

test('get and put carry whole folders, and programs stay programs', async () => {
  mkdirSync(host.path('carried/sub/empty'), { recursive: true });
  writeFileSync(host.path('carried/tool'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(host.path('carried/sub/large'), randomBytes(3 << 20));
  for (let i = 0; i < 40; i++) writeFileSync(host.path(`carried/sub/${i}`), `${i}`);
  const raw = Buffer.concat([Buffer.from(`${host.path('carried')}/`), Buffer.from([0xe9])]);
  writeFileSync(raw, 'raw');
  symlinkSync('tool', host.path('carried/alias'));
  symlinkSync('..', host.path('carried/up'));
  mkdirSync(host.path('here'));
  const got = await host.cli.run(['get', host.at('carried'), host.path('here')]);
  assert.equal(got.code, 0, got.stderr);
  assert.match(got.stderr, /carried\/up: left out, it is a link to a folder/);
  assert.equal(got.stderr.trim().split('\n').length, 1, got.stderr);
  mkdirSync(host.path('back'));
  const put = await host.cli.run(['put', host.path('here/carried'), `${host.at('back')}/`]);
  assert.equal(put.code, 0, put.stderr);
  assert.equal(put.stderr, '');
  const difference = execFileSync('diff', [
    '-r',
    '-x',
    'up',
    host.path('carried'),
    host.path('back/carried'),
  ]);
  assert.equal(difference.toString(), '');
  assert.equal(statSync(host.path('back/carried/tool')).mode & 0o777, 0o755 & ~process.umask());
  assert.ok(lstatSync(host.path('here/carried/alias')).isFile());
  const again = await host.cli.run(['get', host.at('carried/tool'), host.path('here/carried')]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /tool: it exists already on this machine\. --overwrite replaces it/);
});

test('a path without a slash at its beginning is below the home folder, with and without an agent', async () => {
  // An SFTP server begins where the account lives, whatever $HOME says.
  const { home: ofLogins = '' } = host.sshd;
  const homes = { agent: ofLogins, sftp: userInfo().homedir };
  writeFileSync(`${ofLogins}/at home`, '');
  for (const [reach, home] of Object.entries(homes)) {
    const expected = readdirSync(home).sort();
    const list = async (place: string) =>
      (await succeed(['ls', '--reach', reach, host.cli.at(place)])).trim().split('\n').sort();
    assert.deepEqual(await list(home), expected);
    assert.deepEqual(await list(''), expected);
    assert.deepEqual(await list('~/.'), expected);
  }
});

test('search and files find on the host, with the exit status of grep', async () => {
  mkdirSync(host.path('found/src'), { recursive: true });
  writeFileSync(host.path('found/src/main.ts'), 'const x = 1;\n// TODO: later\n');
  writeFileSync(host.path('found/.gitignore'), '*.log\n');
  writeFileSync(host.path('found/a.log'), 'TODO');
  const at = host.at('found');
  assert.equal(await succeed(['search', 'TODO', at]), 'src/main.ts:2:4:// TODO: later\n');
  assert.equal(
    await succeed(['search', '-F', '-i', 'todo', '--no-ignore', '-g', '*.log', at]),
    'a.log:1:1:TODO\n',
  );
  const [line] = (await succeed(['search', '--json', 'T[A-Z]+', at])).split('\n');
  const { path: file, ...match } = JSON.parse(line ?? '');
  assert.equal(file, host.path('found/src/main.ts'));
  assert.deepEqual([match.line, match.column, match.endColumn], [1, 3, 7]);
  const nothing = await host.cli.run(['search', 'absent', at]);
  assert.deepEqual([nothing.code, nothing.stdout.length, nothing.stderr], [1, 0, '']);
  const bad = await host.cli.run(['search', 'a(b', at]);
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /Unterminated group, at character 2 of the pattern/);
  assert.equal((await host.cli.run(['search', 'x', host.at('missing')])).code, 2);
  assert.equal(await succeed(['files', at]), 'src/main.ts\n');
  assert.equal(await succeed(['files', at, 'main']), 'src/main.ts\n');
  assert.equal((await host.cli.run(['files', at, 'zzz'])).code, 1);
  const onSftp = await host.cli.run(['search', '--reach', 'sftp', 'TODO', at]);
  assert.equal(onSftp.code, 2);
  assert.match(onSftp.stderr, /cannot do that|needs the agent/);
});

test('rm -r leaves a tree alone that holds a mount', async (t) => {
  mkdirSync(host.path('holds/mount'), { recursive: true });
  writeFileSync(host.path('holds/file'), 'stays');
  execFileSync('mount', ['-t', 'tmpfs', 'livemount-test', host.path('holds/mount')]);
  t.after(() => execFileSync('umount', [host.path('holds/mount')]));
  writeFileSync(host.path('holds/mount/precious'), 'stays');
  const { code, stderr } = await host.cli.run(['rm', '-r', host.at('holds')]);
  assert.equal(code, 1);
  assert.match(stderr, /mount/);
  assert.equal(readFileSync(host.path('holds/mount/precious'), 'utf8'), 'stays');
  assert.equal(readFileSync(host.path('holds/file'), 'utf8'), 'stays');
});

test('mounts names the mount of a path and those below it, once each', async (t) => {
  mkdirSync(host.path('mounts/below'), { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'livemount-test', host.path('mounts/below')]);
  t.after(() => execFileSync('umount', [host.path('mounts/below')]));
  const lines = (await succeed(['mounts', '--json', host.at('mounts')])).trim().split('\n');
  const [holder, below] = lines.map((line) => JSON.parse(line));
  assert.equal(lines.length, 2);
  assert.ok(host.folder.startsWith(holder.mountpoint));
  assert.deepEqual(
    [below.mountpoint, below.type, below.source],
    [host.path('mounts/below'), 'tmpfs', 'livemount-test'],
  );
  assert.notEqual(below.superblock, holder.superblock);
});

test('the system’s ssh program carries the same commands', async () => {
  writeFileSync(host.path('through'), 'ssh');
  assert.equal(await succeed(['cat', '--transport', 'system', host.at('through')]), 'ssh');
});

test('every command is run by a test that drives the program', () => {
  const texts = [__dirname, `${__dirname}/../mount`, `${__dirname}/../run`].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(`${folder}/${name}`, 'utf8')),
  );
  for (const name of Object.keys(COMMANDS)) {
    assert.ok(
      texts.some((text) => text.includes(`['${name}'`)),
      name,
    );
  }
});

test('no connection is left behind', async () => {
  await succeed(['ls', host.at('.')]);
  await eventually('the connection ended', () => host.sshd.connections().length === 0);
});
