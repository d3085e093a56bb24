import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { ErrnoError } from '../../src/protocol/errno';
import { ConnectError } from '../../src/ssh/connectError';
import { MemoryVfs } from './memoryVfs';
import { runWith } from './runWith';

function host(): MemoryVfs {
  const vfs = new MemoryVfs();
  vfs.place('/srv');
  vfs.place('/srv/b', 'beta');
  vfs.place('/srv/a', 'alpha');
  vfs.place('/srv/dir');
  return vfs;
}

test('ls names the entries in order, and a file stands for itself', async () => {
  assert.equal(await runWith(host(), ['ls', 'box:/srv']).output(), 'a\nb\ndir\n');
  assert.equal(await runWith(host(), ['ls', 'box:/srv/a']).output(), '/srv/a\n');
});

test('ls -l shows mode, owner and size', async () => {
  const lines = (await runWith(host(), ['ls', '-l', 'box:/srv']).output()).split('\n');
  assert.match(lines[0] ?? '', /^-rw-r--r--\s+1\s+1000\s+100\s+5\s+\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\s+a$/);
  assert.match(lines[2] ?? '', /^drwxr-xr-x .* dir$/);
});

test('cat writes the content and nothing else', async () => {
  const run = runWith(host(), ['cat', 'box:/srv/a']);
  assert.equal(await run.output(), 'alpha');
  assert.deepEqual(run.said, []);
});

test('an error is one line with what to do, and the status is 1', async () => {
  const run = runWith(host(), ['cat', 'box:/srv/dir']);
  assert.equal(await run.code, 1);
  assert.deepEqual(run.said, ['livemount: /srv/dir: it is a folder']);
});

test('a usage error shows the usage of the command, and the status is 2', async () => {
  const run = runWith(host(), ['put', '--create', '--overwrite', '-', 'box:/x']);
  assert.equal(await run.code, 2);
  assert.match(run.said[1] ?? '', /^usage: livemount put /);
});

test('every connection is ended, also after a failure', async () => {
  for (const args of [
    ['ls', 'box:/srv'],
    ['cat', 'box:/missing'],
  ]) {
    const vfs = host();
    await runWith(vfs, args).code;
    assert.equal(vfs.disposed, true);
  }
});

test('put replaces what is there or makes a new file', async () => {
  const vfs = host();
  assert.equal(await runWith(vfs, ['put', '-', 'box:/srv/a'], Readable.from(['new'])).code, 0);
  assert.equal(vfs.contentOf('/srv/a'), 'new');
  assert.equal(await runWith(vfs, ['put', '-', 'box:/srv/c'], Readable.from(['made'])).code, 0);
  assert.equal(vfs.contentOf('/srv/c'), 'made');
});

test('put writes nothing if the file changes while the input is read', async () => {
  for (const meanwhile of [
    (vfs: MemoryVfs) => vfs.place('/srv/a', 'theirs'),
    (vfs: MemoryVfs) => vfs.take('/srv/a'),
  ]) {
    const vfs = host();
    const input = new PassThrough();
    const stating = statSeen(vfs);
    const run = runWith(vfs, ['put', '-', 'box:/srv/a'], input);
    await stating;
    meanwhile(vfs);
    const theirs = vfs.contentOf('/srv/a');
    input.end('ours');
    assert.equal(await run.code, 3);
    assert.equal(vfs.contentOf('/srv/a'), theirs);
    assert.match(run.said[0] ?? '', /\/srv\/a: it (was changed|is gone).*nothing was written/);
  }
});

test('put writes nothing if somebody makes the file meanwhile', async () => {
  const vfs = host();
  const input = new PassThrough();
  const stating = statSeen(vfs);
  const run = runWith(vfs, ['put', '-', 'box:/srv/new'], input);
  await stating;
  vfs.place('/srv/new', 'theirs');
  input.end('ours');
  assert.equal(await run.code, 3);
  assert.equal(vfs.contentOf('/srv/new'), 'theirs');
});

test('put --create and --overwrite say what must be there', async () => {
  const vfs = host();
  assert.equal(await runWith(vfs, ['put', '--create', '-', 'box:/srv/a'], Readable.from(['x'])).code, 3);
  assert.equal(vfs.contentOf('/srv/a'), 'alpha');
  assert.equal(await runWith(vfs, ['put', '--overwrite', '-', 'box:/srv/new'], Readable.from(['x'])).code, 1);
  assert.equal(vfs.contentOf('/srv/new'), undefined);
});

test('put --expect saves over the version that stat printed, and over no other', async () => {
  const vfs = host();
  const { version } = JSON.parse(await runWith(vfs, ['stat', '--json', 'box:/srv/a']).output());
  const args = ['put', '--expect', version, '-', 'box:/srv/a'];
  assert.equal(await runWith(vfs, args, Readable.from(['mine'])).code, 0);
  assert.equal(await runWith(vfs, args, Readable.from(['again'])).code, 3);
  assert.equal(vfs.contentOf('/srv/a'), 'mine');
  assert.equal(
    await runWith(vfs, ['put', '--expect', 'any', '-', 'box:/srv/a'], Readable.from(['any'])).code,
    0,
  );
  assert.equal(vfs.contentOf('/srv/a'), 'any');
});

test('mkdir -p makes what is missing and minds nothing that is there', async () => {
  const vfs = host();
  assert.equal(await runWith(vfs, ['mkdir', 'box:/srv/x/y']).code, 1);
  assert.equal(await runWith(vfs, ['mkdir', '-p', 'box:/srv/x/y']).code, 0);
  assert.equal(await runWith(vfs, ['mkdir', '-p', 'box:/srv/x/y']).code, 0);
  assert.equal(await runWith(vfs, ['mkdir', '-p', 'box:/srv/a']).code, 1);
});

test('mv refuses to replace unless it is told to', async () => {
  const vfs = host();
  const refused = runWith(vfs, ['mv', 'box:/srv/a', '/srv/b']);
  assert.equal(await refused.code, 1);
  assert.match(refused.said[0] ?? '', /\/srv\/b: it exists already\. --overwrite replaces it/);
  assert.equal(await runWith(vfs, ['mv', '--overwrite', 'box:/srv/a', '/srv/b']).code, 0);
  assert.equal(vfs.contentOf('/srv/b'), 'alpha');
});

test('rm needs -r for a folder, also for an empty one', async () => {
  const vfs = host();
  const refused = runWith(vfs, ['rm', 'box:/srv/dir']);
  assert.equal(await refused.code, 1);
  assert.deepEqual(refused.said, [
    'livemount: /srv/dir: it is a folder. rm -r deletes it with all that is in it',
  ]);
  assert.equal(await runWith(vfs, ['ls', 'box:/srv/dir']).code, 0);
  assert.equal(await runWith(vfs, ['rm', '-r', 'box:/srv']).code, 0);
  assert.equal(vfs.contentOf('/srv/a'), undefined);
});

test('mounts shows how the mount of a path is watched, and why', async () => {
  const lines = (await runWith(host(), ['mounts', 'box']).output()).split('\n');
  assert.match(lines[1] ?? '', /^\/\s+ext4\s+inotify\s+500 MB\s+2\.0 GB\s+\/dev\/sda1$/);
  assert.equal(lines[3], '/: no CAP_SYS_ADMIN');
});

test('watch says ready when the host has acknowledged, then prints each event in order', async () => {
  const vfs = host();
  let acknowledge = () => {};
  vfs.acknowledged = new Promise((resolve) => {
    acknowledge = resolve;
  });
  const run = runWith(vfs, ['watch', '--json', '--exclude', '*.o', '--no-recursive', 'box:/srv']);
  await until(() => vfs.watches.size === 1);
  const [watched] = vfs.watches.values();
  assert.equal(watched?.path, '/srv');
  assert.deepEqual(watched?.options, { recursive: false, excludes: ['*.o'], visible: true });
  vfs.happen('create', '/srv/x');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(run.printed(), '', 'nothing is printed before the acknowledgement');
  acknowledge();
  vfs.happen('rename', '/srv/x', { to: '/srv/y' });
  await until(() => run.printed().split('\n').length > 3);
  run.interrupt();
  assert.equal(await run.code, 130);
  const events = (await run.output())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map(({ event, path, to, superblock }) => [event, path, to, superblock]),
    [
      ['ready', '/srv', null, '8:1@29'],
      ['create', '/srv/x', null, '8:1@29'],
      ['rename', '/srv/x', '/srv/y', '8:1@29'],
    ],
  );
  assert.deepEqual([vfs.watches.size, vfs.disposed], [0, true]);
});

test('watch says that a path does not exist yet, and waits for it', async () => {
  const vfs = host();
  const run = runWith(vfs, ['watch', 'box:/srv/later']);
  await once(run.stdout, 'data');
  assert.match(run.said[0] ?? '', /\/srv\/later does not exist yet/);
  run.interrupt();
  assert.equal(await run.code, 130);
});

test('watch ends cleanly when nobody reads its output any more', async () => {
  const vfs = host();
  const run = runWith(vfs, ['watch', 'box:/srv']);
  await once(run.stdout, 'data');
  run.stdout.emit('error', Object.assign(new Error('broken pipe'), { code: 'EPIPE' }));
  assert.equal(await run.code, 0);
  assert.equal(vfs.watches.size, 0);
});

test('watch says that the link is being made again, and fails when it is given up', async () => {
  const vfs = host();
  const run = runWith(vfs, ['watch', 'box:/srv']);
  await once(run.stdout, 'data');
  vfs.changeState('reconnecting', 'the connection was lost');
  vfs.changeState('connected', '');
  vfs.changeState('closed', 'the host key changed');
  assert.equal(await run.code, 1);
  assert.deepEqual(run.said, [
    'livemount: box: reconnecting (the connection was lost)',
    'livemount: box: closed (the host key changed)',
    'livemount: the connection was given up: the host key changed',
  ]);
});

test('watch --count ends after that many events', async () => {
  const vfs = host();
  const run = runWith(vfs, ['watch', '--json', '--count', '2', 'box:/srv']);
  await until(() => vfs.watches.size === 1);
  for (const name of ['a', 'b', 'c']) vfs.happen('modify', `/srv/${name}`);
  assert.equal(await run.code, 0);
  assert.equal(run.printed().trim().split('\n').length, 3, 'ready and two events');
  assert.equal(await runWith(vfs, ['watch', '--count', '0', 'box:/srv']).code, 2);
});

test('a local file that is missing is not taken for one of the host', async () => {
  const run = runWith(host(), ['put', '/nonexistent/file', 'box:/srv/a']);
  assert.equal(await run.code, 1);
  assert.match(
    run.said[0] ?? '',
    /^livemount: \/nonexistent\/file: there is no such file or folder on this machine$/,
  );
});

test('a watch that the host refuses is an error', async () => {
  const vfs = host();
  vfs.acknowledged = Promise.reject(new ErrnoError('EACCES', '/srv'));
  const run = runWith(vfs, ['watch', 'box:/srv']);
  assert.equal(await run.code, 1);
  assert.match(run.said[0] ?? '', /no permission/);
});

test('where nobody can be asked, an unknown host key says what to do', async () => {
  const run = runWith(async () => {
    throw new ConnectError(
      'host-key-unknown',
      'the ssh-ed25519 key of box is not on record, and was not accepted',
    );
  }, ['ls', 'box:/']);
  assert.equal(await run.code, 1);
  assert.match(run.said[0] ?? '', /not on record.*no terminal to ask on/);
});

test('Ctrl-C ends every command with 130, also while it connects', async () => {
  for (const command of ['watch', 'ls']) {
    const run = runWith(
      ({ signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      [command, 'box:/'],
    );
    run.interrupt();
    assert.equal(await run.code, 130);
  }
});

test('the version is printed', async () => {
  assert.equal(await runWith(host(), ['--version']).output(), 'livemount 1.2.3\n');
});

/** Resolves when the command has looked at the file for the first time. */
function statSeen(vfs: MemoryVfs): Promise<void> {
  return new Promise((resolve) => {
    const stat = vfs.stat.bind(vfs);
    vfs.stat = (path) => {
      const result = stat(path);
      result.then(
        () => setImmediate(resolve),
        () => setImmediate(resolve),
      );
      return result;
    };
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
