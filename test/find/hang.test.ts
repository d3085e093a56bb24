// A filesystem that does not answer costs a search its own part, and that is said.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { hangingWorkspace } from '../superblocks/workspaces';
import { PLAIN } from './trees';

test('a mount that hangs costs only its own part of a search', async (t) => {
  const { vfs, mount, work } = await hangingWorkspace(t, {
    beside: { 'sub/file': 'foo' },
    at: 'mnt',
    inside: { inside: 'foo' },
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
