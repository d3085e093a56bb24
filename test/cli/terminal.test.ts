// What is only for a terminal: progress, colours, rounded sizes; and what a host says on one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onDispose } from '../../src/base/dispose';
import { ErrnoError } from '../../src/protocol/errno';
import { isFit, POISON } from '../fixtures/poison';
import { MemoryVfs } from './memoryVfs';
import { runWith } from './runWith';

const ESC = String.fromCharCode(27);
const PAINT = new RegExp(`${ESC}\\[[\\d;]*m`, 'g');

/** A clock that the test moves. */
class HandClock {
  private time = 0;
  private waiting: { readonly at: number; readonly run: () => void }[] = [];

  now = () => this.time;
  after = (ms: number, run: () => void) => {
    const entry = { at: this.time + ms, run };
    this.waiting.push(entry);
    return onDispose(() => {
      this.waiting = this.waiting.filter((other) => other !== entry);
    });
  };

  pass(ms: number): void {
    this.time += ms;
    for (const entry of this.waiting.filter(({ at }) => at <= this.time)) {
      this.waiting = this.waiting.filter((other) => other !== entry);
      entry.run();
    }
  }

  get pending(): number {
    return this.waiting.length;
  }
}

test('what takes longer than a second shows how far it is, and leaves nothing on the screen', async () => {
  const vfs = new MemoryVfs();
  vfs.place('/large', 'x');
  const clock = new HandClock();
  const drawn: string[] = [];
  vfs.transferring = async (progress) => {
    progress(10_000_000, 200_000_000);
    assert.deepEqual(drawn, [], 'nothing within the first second');
    clock.pass(2000);
    clock.pass(500);
    progress(50_000_000, 200_000_000);
    clock.pass(10);
    progress(50_000_001, 200_000_000);
  };
  const screen = { columns: 60, write: (text: string) => void drawn.push(text) };
  const run = runWith(vfs, ['cat', 'box:/large'], undefined, { screen, clock });
  assert.equal(await run.code, 0);
  assert.match(drawn.join(''), /25% {2}50 MB of 200 MB {2}20 MB\/s {2}0:08 left {2}\/large/);
  assert.ok(drawn.length <= 4, 'not drawn more often than can be read');
  assert.equal(drawn.at(-1), '\r\u001b[K');
  assert.ok(drawn.every((text) => text.length <= 60 + 4));
  assert.equal(clock.pending, 0);
});

test('what ends sooner shows nothing, and a pipe never has a line of progress', async () => {
  const vfs = new MemoryVfs();
  vfs.place('/small', 'x');
  const drawn: string[] = [];
  const screen = { columns: 60, write: (text: string) => void drawn.push(text) };
  await runWith(vfs, ['cat', 'box:/small'], undefined, { screen }).code;
  assert.deepEqual(drawn, []);
});

test('ls has colours and rounded sizes on a terminal, and neither elsewhere', async () => {
  const vfs = new MemoryVfs();
  vfs.place('/d');
  vfs.place('/d/folder');
  vfs.place('/d/file', 'x'.repeat(1500));
  const shown = await runWith(vfs, ['ls', '-l', 'box:/d'], undefined, { isTerminal: true }).output();
  assert.match(shown, /1\.5 kB .* file\n/);
  assert.match(shown, new RegExp(`${ESC}\\[1;34mfolder${ESC}\\[0m\n`));
  const piped = await runWith(vfs, ['ls', '-l', 'box:/d']).output();
  assert.match(piped, / 1500 .* file\n/);
  assert.ok(!piped.includes(ESC));
  assert.match(
    await runWith(vfs, ['ls', '-l', '--bytes', 'box:/d'], undefined, { isTerminal: true }).output(),
    / 1500 /,
  );
});

test('users and groups have their names on the host', async () => {
  const vfs = new MemoryVfs();
  vfs.place('/etc');
  vfs.place(
    '/etc/passwd',
    'root:x:0:0::/root:/bin/sh\nme:x:1000:100::/home/me:/bin/sh\nagain:x:1000:1::/:\n',
  );
  vfs.place('/etc/group', 'root:x:0:\nusers:x:100:me\n');
  assert.match(await runWith(vfs, ['ls', '-l', 'box:/etc']).output(), / me {2}users /);
  assert.match(await runWith(vfs, ['ls', '-ln', 'box:/etc']).output(), / 1000 {2}100 /);
  assert.match(await runWith(vfs, ['stat', 'box:/etc/group']).output(), /owner +me:users\n/);
});

test('ls -l names what may not be looked at, and says so', async () => {
  const vfs = new MemoryVfs();
  vfs.place('/d');
  vfs.place('/d/closed', 'x');
  vfs.place('/d/folder');
  vfs.lstat = () => Promise.reject(new ErrnoError('EACCES', '/d/closed'));
  const run = runWith(vfs, ['ls', '-l', 'box:/d']);
  assert.equal(await run.code, 1);
  assert.match(await run.output(), /^-\?{9} .* closed\nd\?{9} .* folder\n$/);
  assert.deepEqual(run.said, ['livemount: /d/closed: your user on the host has no permission']);
});

for (const [door, args] of [
  ['a name', ['ls', 'box:/poisoned']],
  ['a name in a table', ['ls', '-l', 'box:/poisoned']],
  ['a mount', ['mounts', 'box:/']],
  ['a mount as JSON', ['mounts', '--json', 'box:/']],
  ['facts', ['stat', `box:/poisoned/${POISON.replace(/[/\0]/g, '')}`]],
  ['facts as JSON', ['stat', '--json', `box:/poisoned/${POISON.replace(/[/\0]/g, '')}`]],
  ['an error with a path', ['cat', `box:/${POISON.replace(/\0/g, '')}`]],
  ['an error of the host', ['cat', 'box:/refusing']],
  ['a usage error', [`${POISON}`]],
  ['an event', ['watch', '--count', '1', 'box:/']],
  ['an event as JSON', ['watch', '--json', '--count', '1', 'box:/']],
] as const) {
  test(`${door} of a host cannot steer the terminal`, async () => {
    const vfs = new MemoryVfs();
    const name = POISON.replace(/[/\0]/g, '');
    vfs.place('/poisoned');
    vfs.place(`/poisoned/${name}`, 'x');
    vfs.place('/refusing', 'x');
    const [view] = vfs.superblocks();
    if (view === undefined) throw new Error('no mount');
    const mount = { ...view.mount, source: POISON, fstype: POISON, reason: POISON };
    vfs.superblocks = () => [{ ...view, mount }];
    vfs.readFile = () => Promise.reject(new ErrnoError('EIO', POISON));
    const run = runWith(vfs, args, undefined, { isTerminal: true });
    if (args[0] === 'watch') {
      while (vfs.watches.size === 0) await new Promise((resolve) => setImmediate(resolve));
      vfs.happen('create', `/${name}`);
    }
    const text = `${await run.output()}${run.said.join('')}`.replace(PAINT, '');
    assert.notEqual(text, '');
    assert.ok(isFit(text.replaceAll('\n', '')), JSON.stringify(text));
  });
}
