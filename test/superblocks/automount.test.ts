import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { it, type TestContext } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import { eventually } from '../client/support/hostAgent';
import { StdioAgent } from '../client/support/stdioAgent';

const PROGRAM = path.join(__dirname, 'automounter.py');

/** The kernel's autofs on a place, with the test's own daemon. It counts what it is asked to mount. */
class Automounter {
  readonly asked: string[] = [];

  private constructor(private readonly daemon: ChildProcessByStdio<Writable, Readable, null>) {}

  static async on(place: string, kind: 'direct' | 'indirect', keys: readonly string[] = []) {
    mkdirSync(place, { recursive: true });
    const daemon = spawn('python3', [PROGRAM, place, kind, ...keys], { stdio: ['pipe', 'pipe', 'inherit'] });
    const automounter = new Automounter(daemon);
    const lines = createInterface(daemon.stdout);
    const ready = new Promise<void>((resolve, reject) => {
      daemon.once('exit', (code) => reject(new Error(`the automounter ended with ${code}`)));
      lines.on('line', (line) => {
        const [word, name = ''] = line.split(' ');
        if (word === 'ready') resolve();
        else automounter.asked.push(name);
      });
    });
    await ready;
    return automounter;
  }

  async end(): Promise<void> {
    if (this.daemon.exitCode !== null) return;
    const ended = once(this.daemon, 'exit');
    this.daemon.stdin.end();
    await ended;
  }
}

async function setting(
  t: TestContext,
  kind: 'direct' | 'indirect',
  keys: readonly string[] = [],
  agentOptions: readonly string[] = [],
) {
  const work = mkdtempSync(path.join(realpathSync(tmpdir()), 'livemount-auto-'));
  const at = path.join(work, 'auto');
  const automounter = await Automounter.on(at, kind, keys);
  const agent = new StdioAgent(agentOptions);
  const vfs = await connectVfs(agent, { modeOf: () => 'none' });
  t.after(async () => {
    vfs.dispose();
    await agent.ended();
    await automounter.end();
    rmSync(work, { recursive: true, force: true });
  });
  return { vfs, work, at, asked: automounter.asked };
}

for (const backend of ['fanotify', 'inotify', 'poll']) {
  it(`mounts nothing of a lazily mounted place by listing, watching or looking at it (${backend})`, async (t) => {
    const options = ['--backend', backend];
    const { vfs, work, at, asked } = await setting(t, 'indirect', ['one', 'two'], options);
    const watch = vfs.watch(work, { recursive: true }, () => undefined);
    await watch.ready;
    writeFileSync(path.join(work, 'file'), '');
    assert.deepEqual((await vfs.readDirectory(work)).map(({ name }) => name).sort(), ['auto', 'file']);
    assert.deepEqual((await vfs.readDirectory(at)).map(({ name }) => name).sort(), ['one', 'two']);
    for (const name of ['one', 'two']) {
      assert.equal((await vfs.stat(path.join(at, name))).kind, 'directory');
      assert.equal((await vfs.lstat(path.join(at, name))).kind, 'directory');
      await vfs.explain(path.join(at, name));
    }
    const deep = vfs.watch(at, { recursive: true }, () => undefined);
    await deep.ready;
    await vfs.statfs(at);
    assert.deepEqual(asked, []);
    watch.dispose();
    deep.dispose();
  });
}

it('mounts a lazily mounted folder when it is opened, and shows what is there then', async (t) => {
  const { vfs, work, at, asked } = await setting(t, 'indirect', ['one', 'two']);
  assert.deepEqual(
    (await vfs.readDirectory(path.join(at, 'one'))).map(({ name }) => name),
    ['inside'],
  );
  await eventually('the mount is told', () => vfs.mountsBelow(work).length === 2);
  assert.equal((await vfs.readFile(path.join(at, 'one/inside'))).toString(), 'mounted');
  assert.deepEqual(asked, ['one']);
});

it('mounts a lazily mounted folder on the way to a file in it', async (t) => {
  const { vfs, at, asked } = await setting(t, 'indirect', ['one', 'two']);
  assert.equal((await vfs.readFile(path.join(at, 'two/inside'))).toString(), 'mounted');
  assert.deepEqual(asked, ['two']);
});

for (const backend of ['fanotify', 'inotify', 'poll']) {
  it(`does so with a place that is mounted over itself, too (${backend})`, async (t) => {
    const { vfs, work, at, asked } = await setting(t, 'direct', [], ['--backend', backend]);
    const watch = vfs.watch(work, { recursive: true }, () => undefined);
    await watch.ready;
    assert.deepEqual(
      (await vfs.readDirectory(work)).map(({ name }) => name),
      ['auto'],
    );
    assert.equal((await vfs.stat(at)).kind, 'directory');
    await vfs.statfs(work);
    assert.deepEqual(asked, []);
    assert.deepEqual(
      (await vfs.readDirectory(at)).map(({ name }) => name),
      ['inside'],
    );
    assert.deepEqual(asked, ['auto']);
    watch.dispose();
  });
}
