import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join, resolve } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ground, type Served } from './mounted';
import { until } from './until';

const ROOT = resolve(__dirname, '../..');

/** A program of its own that watches, and prints. */
interface Watching {
  readonly child: ChildProcess;
  printed(): string;
}

async function start(
  t: TestContext,
  command: string,
  args: readonly string[],
  ready: RegExp,
): Promise<Watching> {
  const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  await until(`${command} is ready`, async () => ready.test(text));
  return { child, printed: () => text };
}

async function end(watching: Watching, served: Served): Promise<void> {
  watching.child.kill('SIGKILL');
  await once(watching.child, 'exit');
  await served.unmount();
}

/** Programs that watch a folder and print the names of what changes. */
const WATCHERS: Readonly<Record<string, string>> = {
  'fs.watch': `
    fs.watch(top, { recursive: true }, (kind, name) => console.log(name));
    console.log('ready');`,
  chokidar: `
    const watcher = require('chokidar').watch(top, { ignoreInitial: true });
    watcher.on('all', (kind, path) => console.log(kind, path));
    watcher.on('ready', () => console.log('ready'));`,
  '@parcel/watcher': `
    require('@parcel/watcher').subscribe(top, (error, events) => {
      for (const { type, path } of events ?? []) console.log(type, path);
    }).then(() => console.log('ready'));`,
};

for (const [name, script] of Object.entries(WATCHERS)) {
  test(`${name} on a mount sees what changes on the host`, async (t) => {
    const { folder, mount } = await ground(t);
    fs.mkdirSync(join(folder, 'src'));
    for (const file of ['changed', 'goes', 'moves']) fs.writeFileSync(join(folder, `src/${file}`), file);
    const served = await mount(folder);
    const program = `const fs = require('node:fs'); const top = process.argv[1]; ${script}`;
    const watching = await start(t, process.execPath, ['-e', program, served.at], /ready/);
    const told = (what: string) =>
      until(`${name} tells of ${what}`, async () => watching.printed().includes(what));
    fs.writeFileSync(join(folder, 'src/made'), 'new');
    await told('made');
    fs.appendFileSync(join(folder, 'src/changed'), 'more');
    await told('changed');
    fs.unlinkSync(join(folder, 'src/goes'));
    await told('goes');
    fs.renameSync(join(folder, 'src/moves'), join(folder, 'src/moved'));
    await told('moved');
    fs.mkdirSync(join(folder, 'fresh'));
    await told('fresh');
    await end(watching, served);
  });
}

test('tail -F on a mount prints what the host appends, also to the file that takes its place', async (t) => {
  const { folder, mount } = await ground(t);
  fs.writeFileSync(join(folder, 'log'), 'first\n');
  const served = await mount(folder);
  const watching = await start(t, 'tail', ['-n', '+1', '-F', join(served.at, 'log')], /first/);
  fs.appendFileSync(join(folder, 'log'), 'second\n');
  await until('the second line', async () => watching.printed().includes('second'));
  fs.writeFileSync(join(folder, 'log.new'), 'rotated\n');
  fs.renameSync(join(folder, 'log.new'), join(folder, 'log'));
  await until('the new file', async () => watching.printed().includes('rotated'));
  fs.appendFileSync(join(folder, 'log'), 'third\n');
  await until('the third line', async () => watching.printed().includes('third'));
  await end(watching, served);
});

test('what a program does in a mount makes its events once', async (t) => {
  const { folder, mount } = await ground(t);
  const served = await mount(folder);
  const format = [
    '-m',
    '-r',
    '-e',
    'create,modify,delete,moved_to,moved_from,close_write',
    '--format',
    '%f %e',
  ];
  const watching = await start(t, 'inotifywait', [...format, served.at], /established/);
  const before = watching.printed();
  fs.writeFileSync(join(served.at, 'file'), 'content');
  fs.renameSync(join(served.at, 'file'), join(served.at, 'moved'));
  fs.appendFileSync(join(served.at, 'moved'), 'more');
  fs.unlinkSync(join(served.at, 'moved'));
  // The host's word of a later change comes behind its word of these.
  fs.writeFileSync(join(folder, 'last'), '');
  await until('the last event', async () => /last (CREATE|CLOSE_WRITE)/.test(watching.printed()));
  const lines = watching.printed().slice(before.length).split('\n');
  assert.deepEqual(
    lines.filter((line) => line !== '' && !line.startsWith('last')),
    [
      'file CREATE',
      'file MODIFY',
      'file CLOSE_WRITE,CLOSE',
      'file MOVED_FROM',
      'moved MOVED_TO',
      'moved MODIFY',
      'moved CLOSE_WRITE,CLOSE',
      'moved DELETE',
    ],
  );
  await end(watching, served);
});
