import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Change } from '../../src/client/vfs';
import { connected, eventually, type Setting } from './support/hostAgent';
import { seeded } from './support/random';
import { isNotification } from './support/wire';

/** The link drops; the client finds out, and is back when this resolves. */
async function drop({ vfs, link }: Setting): Promise<void> {
  let dropped = false;
  const listening = vfs.onStateChange((state) => {
    if (state === 'reconnecting') dropped = true;
  });
  link.wire.break();
  await eventually('the client noticed the drop', () => dropped);
  listening.dispose();
  await back(vfs);
}

/** The link drops and stays away until `link.down` is false again. */
async function lose({ vfs, link }: Pick<Setting, 'vfs' | 'link'>): Promise<void> {
  link.down = true;
  link.wire.break();
  await eventually('the client noticed the drop', () => vfs.state === 'reconnecting');
}

async function back(vfs: Setting['vfs']): Promise<void> {
  await eventually('the client is back', () => {
    vfs.reconnect();
    return vfs.state === 'connected';
  });
}

test('a dropped link is repaired by itself, and the session is the same', async (t) => {
  const setting = await connected(t);
  const file = path.join(setting.dir, 'file');
  writeFileSync(file, 'content');
  await setting.vfs.stat(file);
  await drop(setting);
  assert.equal(setting.agent.sessions, 1);
  assert.equal((await setting.vfs.readFile(file)).toString(), 'content');
});

test('a watch survives a drop: what changed meanwhile is reported, and the cache does not show the old', async (t) => {
  const setting = await connected(t);
  const { vfs, link, dir } = setting;
  const file = path.join(dir, 'file');
  writeFileSync(file, 'old');
  const changes: Change[] = [];
  const watch = vfs.watch(dir, { recursive: true }, (some) => void changes.push(...some));
  await watch.ready;
  assert.equal((await vfs.readFile(file)).toString(), 'old');

  await lose({ vfs, link });
  assert.equal(
    (await vfs.readFile(file)).toString(),
    'old',
    'under a lease what was true is shown while the link is down',
  );
  writeFileSync(file, 'new');
  writeFileSync(path.join(dir, 'another'), '');
  link.down = false;
  await back(vfs);

  await eventually('the changes were reported', () => changes.length >= 2);
  assert.deepEqual(changes.map(({ kind, path: at }) => `${kind} ${path.basename(at)}`).sort(), [
    'create another',
    'modify file',
  ]);
  assert.equal((await vfs.readFile(file)).toString(), 'new');
  watch.dispose();
});

test('a save made while the link is down waits, and is done once the link is back', async (t) => {
  const setting = await connected(t);
  const { vfs, link, dir } = setting;
  const file = path.join(dir, 'file');
  await lose({ vfs, link });
  const saving = vfs.writeFile(file, Buffer.from('content'), {
    create: true,
    overwrite: true,
    expect: 'any',
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(existsSync(file), false);
  link.down = false;
  await back(vfs);
  await saving;
  assert.equal(readFileSync(file, 'utf8'), 'content');
});

test('a large save waits for the link, too, however long that takes', async (t) => {
  const { vfs, link, dir } = await connected(t);
  await vfs.readDirectory(dir);
  await lose({ vfs, link });
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const content = Buffer.alloc(3 << 20, 'x');
  const file = path.join(dir, 'large');
  const saving = vfs.writeFile(file, content, { create: true, overwrite: false, expect: 'any' });
  await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(60_000);
  t.mock.timers.reset();
  link.down = false;
  await back(vfs);
  await saving;
  assert.ok(readFileSync(file).equals(content));
});

test('a save that waits for the link can be cancelled, and is not done later', async (t) => {
  const setting = await connected(t);
  const { vfs, link, dir } = setting;
  const file = path.join(dir, 'file');
  await lose({ vfs, link });
  const cancel = new AbortController();
  const saving = vfs.writeFile(file, Buffer.from('content'), {
    create: true,
    overwrite: true,
    expect: 'any',
    signal: cancel.signal,
  });
  cancel.abort();
  await assert.rejects(saving, { code: 'ECANCELED' });
  link.down = false;
  await back(vfs);
  await vfs.readDirectory(dir);
  assert.equal(existsSync(file), false);
});

test('a reply lost with the link is not a second effect: the request is sent again and answered from the cache', async (t) => {
  const setting = await connected(t);
  const { vfs, link, dir } = setting;
  await vfs.readDirectory(dir);
  // The next reply is swallowed, and the wire with it.
  const { wire } = link;
  wire.filter = ({ direction }) => {
    if (direction === 'up') return true;
    wire.break();
    return false;
  };
  // EEXIST would be the answer to a second mkdir.
  const making = vfs.mkdir(path.join(dir, 'made'));
  await eventually('the client made another connection', () => link.wires.length > 1);
  await back(vfs);
  await making;
  assert.deepEqual(readdirSync(dir), ['made']);
});

test('when the agent died, requests without effect are sent anew, and each group gets an overflow', async (t) => {
  const setting = await connected(t);
  const { vfs, agent, link, dir } = setting;
  mkdirSync(path.join(dir, 'sub'));
  writeFileSync(path.join(dir, 'sub/file'), 'old');
  const changes: Change[] = [];
  const watch = vfs.watch(dir, { recursive: true }, (some) => void changes.push(...some));
  await watch.ready;
  await vfs.readFile(path.join(dir, 'sub/file'));

  await lose({ vfs, link });
  await agent.restart();
  writeFileSync(path.join(dir, 'sub/file'), 'new content');
  link.down = false;
  await back(vfs);

  assert.equal((await vfs.readFile(path.join(dir, 'sub/file'))).toString(), 'new content');
  await eventually('the group was told', () => changes.length > 0);
  assert.ok(
    changes.some(({ kind, path: at }) =>
      kind === 'overflow' ? at === dir : at === path.join(dir, 'sub/file'),
    ),
  );
  changes.length = 0;
  await eventually('the watch is in force again', () => vfs.superblocks().some((one) => one.generation > 0n));
  writeFileSync(path.join(dir, 'later'), '');
  await eventually('the new agent tells events', () =>
    changes.some((change) => change.path.endsWith('/later')),
  );
  watch.dispose();
});

test('what waits while the agent dies is done by its path on the next one, not by nodeids of the old', async (t) => {
  const setting = await connected(t);
  const { vfs, agent, link, dir } = setting;
  mkdirSync(path.join(dir, 'sub/deeper'), { recursive: true });
  await vfs.readDirectory(path.join(dir, 'sub/deeper'));
  await lose({ vfs, link });
  const file = path.join(dir, 'sub/deeper/file');
  const saving = vfs.writeFile(file, Buffer.from('content'), {
    create: true,
    overwrite: true,
    expect: 'any',
  });
  const making = vfs.mkdir(path.join(dir, 'sub/made'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  await agent.restart();
  link.down = false;
  await back(vfs);
  await saving;
  await making;
  assert.equal(readFileSync(file, 'utf8'), 'content');
  assert.deepEqual(readdirSync(path.join(dir, 'sub')).sort(), ['deeper', 'made']);
});

test('cut at random, every acknowledged change took effect exactly once', async (t) => {
  const { seed, random } = seeded();
  t.diagnostic(`LIVEMOUNT_SEED=${seed}`);
  const setting = await connected(t);
  const { vfs, link, dir } = setting;
  let left = 3 + Math.floor(random() * 20);
  link.onWire = (wire) => {
    left = 3 + Math.floor(random() * 20);
    wire.filter = (passing) => {
      // The agent tells its mounts first: those alone would use up many a wire.
      if (isNotification(passing) || --left > 0) return true;
      wire.break();
      return random() < 0.5;
    };
  };
  const persist = setInterval(() => vfs.reconnect(), 5);
  t.after(() => clearInterval(persist));
  link.onWire(link.wire);

  // Each of these fails if it is done twice, and the next if it is not done at all.
  for (let i = 0; i < 60; i++) {
    const name = path.join(dir, `d${i}`);
    await vfs.mkdir(name);
    await vfs.writeFile(path.join(name, 'file'), Buffer.from(`content ${i}`), {
      create: true,
      overwrite: false,
      expect: 'any',
    });
    await vfs.rename(path.join(name, 'file'), path.join(name, 'renamed'), { overwrite: false });
    if (i % 3 === 0) await vfs.remove(name, { recursive: true });
  }
  const expected = Array.from({ length: 60 }, (_, i) => i).filter((i) => i % 3 !== 0);
  assert.deepEqual(readdirSync(dir).sort(), expected.map((i) => `d${i}`).sort());
  for (const i of expected) {
    assert.deepEqual(readdirSync(path.join(dir, `d${i}`)), ['renamed']);
    assert.equal(readFileSync(path.join(dir, `d${i}`, 'renamed'), 'utf8'), `content ${i}`);
  }
  assert.ok(link.wires.length > 5, `only ${link.wires.length} wires`);
  assert.equal(setting.agent.sessions, 1);
});
