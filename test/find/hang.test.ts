// A filesystem that does not answer costs a search its own part, and that is said.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import { StdioAgent } from '../client/support/stdioAgent';
import { HangingMount } from '../superblocks/hangingMount';
import { PLAIN } from './trees';

test('a mount that hangs costs only its own part of a search', async (t) => {
  const top = mkdtempSync(path.join(realpathSync(tmpdir()), 'livemount-find-hang-'));
  const backing = path.join(top, 'backing');
  const work = path.join(top, 'work');
  mkdirSync(path.join(work, 'sub'), { recursive: true });
  mkdirSync(backing);
  writeFileSync(path.join(work, 'sub/file'), 'foo');
  writeFileSync(path.join(backing, 'inside'), 'foo');
  const mount = await HangingMount.of(backing, path.join(work, 'mnt'));
  const agent = new StdioAgent();
  const vfs = await connectVfs(agent, { modeOf: () => 'none' });
  t.after(async () => {
    mount.dispose();
    vfs.dispose();
    await agent.ended();
    rmSync(top, { recursive: true, force: true });
  });
  const search = async () => {
    const found: string[] = [];
    const left: string[] = [];
    await vfs.search(
      work,
      { ...PLAIN, pattern: 'foo' },
      {
        found: (files) => void found.push(...files.map((file) => path.relative(work, file.path))),
        notSearched: ({ path: place, why }) => void left.push(`${why} ${path.relative(work, place)}`),
      },
    );
    return { found: found.sort(), left };
  };
  assert.deepEqual(await search(), { found: ['mnt/inside', 'sub/file'], left: [] });
  mount.hang();
  assert.deepEqual(await search(), { found: ['sub/file'], left: ['silent mnt'] });
  mount.recover();
  assert.deepEqual(await search(), { found: ['mnt/inside', 'sub/file'], left: [] });
});
