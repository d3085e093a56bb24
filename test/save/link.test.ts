// A save over a link that is cut, or to an agent that dies, at any frame of it.
import assert from 'node:assert/strict';
import { linkSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ErrnoError } from '../../src/protocol/errno';
import { connected, eventually, type Setting } from '../client/support/hostAgent';

const OLD = Buffer.from('old');
const SMALL = Buffer.alloc(200_000, 'small ');
const LARGE = Buffer.alloc(3 << 20, 'large ');

/** Lets something happen instead of the `at`th frame from now on; tells whether there were so many. */
function atFrame({ link }: Setting, at: number, happen: () => void): () => boolean {
  let frames = 0;
  const { wire } = link;
  wire.filter = () => {
    if (++frames !== at) return frames < at;
    happen();
    return false;
  };
  return () => frames >= at;
}

async function back({ vfs }: Setting): Promise<void> {
  await eventually('the client is back', () => {
    vfs.reconnect();
    return vfs.state === 'connected';
  });
}

/** Folders hold the file and nothing else of ours. */
function assertNoLitter(dir: string, names: readonly string[]): void {
  assert.deepEqual(readdirSync(dir).sort(), [...names].sort());
}

for (const [size, content] of Object.entries({ small: SMALL, large: LARGE })) {
  test(`a ${size} save over a link that is cut at any frame is done when the link is back`, async (t) => {
    const setting = await connected(t);
    const { vfs, link, dir } = setting;
    const file = path.join(dir, 'file');
    for (let at = 1; ; at++) {
      writeFileSync(file, OLD);
      await vfs.stat(file);
      const came = atFrame(setting, at, () => link.wire.break());
      const saving = vfs.writeFile(file, content, { create: true, overwrite: true, expect: 'any' });
      const settled = saving.then(
        () => undefined,
        (error: unknown) => error,
      );
      await Promise.race([settled, eventually('the cut', came)]);
      if (!came()) break;
      await back(setting);
      assert.equal(await settled, undefined, `cut at frame ${at}`);
      assert.ok(readFileSync(file).equals(content), `cut at frame ${at}`);
      assertNoLitter(dir, ['file']);
    }
  });

  test(`a ${size} save to an agent that dies at any frame leaves the old or the new file`, async (t) => {
    const setting = await connected(t);
    const { vfs, link, dir, agent } = setting;
    const file = path.join(dir, 'file');
    let refused = 0;
    for (let at = 1; ; at++) {
      writeFileSync(file, OLD);
      await vfs.stat(file);
      let restarted: Promise<void> | undefined;
      const came = atFrame(setting, at, () => {
        restarted = agent.restart();
        link.wire.break();
      });
      const saving = vfs.writeFile(file, content, { create: true, overwrite: true, expect: 'any' });
      const settled = saving.then(
        () => undefined,
        (error: unknown) => error,
      );
      await Promise.race([settled, eventually('the death', came)]);
      if (!came()) break;
      await restarted;
      await back(setting);
      const error = await settled;
      const found = readFileSync(file);
      if (error === undefined) assert.ok(found.equals(content), `at frame ${at}`);
      else {
        refused++;
        assert.ok(error instanceof ErrnoError);
        assert.ok(found.equals(content) || found.equals(OLD), `at frame ${at}: ${error}`);
      }
      await eventually('no litter', () => readdirSync(dir).length === 1);
    }
    assert.ok(refused > 0);
  });
}

test('a link is followed to its file, and a file with two names keeps both', async (t) => {
  const { vfs, dir } = await connected(t);
  const file = path.join(dir, 'file');
  writeFileSync(file, OLD);
  linkSync(file, path.join(dir, 'twin'));
  symlinkSync('file', path.join(dir, 'link'));
  await vfs.writeFile(path.join(dir, 'link'), SMALL, { create: false, overwrite: true, expect: 'any' });
  for (const name of ['file', 'twin', 'link'])
    assert.ok(readFileSync(path.join(dir, name)).equals(SMALL), name);
  assertNoLitter(dir, ['file', 'twin', 'link']);
});

test('auto-save storms: saves one after another without a pause all count, in their order', async (t) => {
  const { vfs, dir } = await connected(t);
  const file = path.join(dir, 'file');
  writeFileSync(file, OLD);
  await vfs.stat(file);
  for (let i = 0; i < 50; i++) {
    await vfs.writeFile(file, Buffer.from(`version ${i}`), { create: false, overwrite: true, expect: 'any' });
  }
  assert.equal(readFileSync(file, 'utf8'), 'version 49');
  assertNoLitter(dir, ['file']);
});

test('a save over a file that another program changed is a conflict, and overwrites when told to', async (t) => {
  const { vfs, dir } = await connected(t);
  const file = path.join(dir, 'file');
  writeFileSync(file, OLD);
  await vfs.stat(file);
  const { version } = await vfs.stat(file);
  writeFileSync(file, 'theirs');
  const save = (expect: typeof version | 'any') =>
    vfs.writeFile(file, SMALL, { create: false, overwrite: true, expect });
  await assert.rejects(save(version), { code: 'EREMCHG' });
  assert.equal(readFileSync(file, 'utf8'), 'theirs');
  await save('any');
  assert.ok(readFileSync(file).equals(SMALL));
  assertNoLitter(dir, ['file']);
});
