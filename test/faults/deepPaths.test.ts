import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { beforeRemoval, eventually, scratch } from '../client/support/hostAgent';
import { confined, reads } from './confinedAgent';

/** Makes folders in folders, far deeper than a path may be long, and a file in the last. */
const DEEP = `
import os, sys
os.chdir(sys.argv[1])
for i in range(30):
    os.makedirs("d" * 200, exist_ok=True)
    os.chdir("d" * 200)
open("x", "w").write(sys.argv[2])
`;

function makeDeep(folder: string, content: string): void {
  execFileSync('python3', ['-c', DEEP, folder, content]);
}

for (const backend of ['fanotify', 'inotify'] as const) {
  test(`a folder deeper than a path may be long ends neither the agent nor the watch above it (${backend})`, async (t) => {
    const dir = scratch(t);
    beforeRemoval(t, () => execFileSync('rm', ['-rf', dir]));
    fs.mkdirSync(join(dir, 'there'));
    makeDeep(join(dir, 'there'), '1');
    fs.writeFileSync(join(dir, 'f'), 'old');
    const { vfs, agent, watch, told } = await confined(t, { backend });
    await watch(dir);
    await reads(vfs, join(dir, 'f'), 'old');
    fs.mkdirSync(join(dir, 'new'));
    makeDeep(join(dir, 'new'), '1');
    for (const content of ['2', '3']) makeDeep(join(dir, 'new'), content);
    fs.writeFileSync(join(dir, 'f'), 'changed');
    await told('modify', join(dir, 'f'));
    await told('create', join(dir, 'new'));
    await reads(vfs, join(dir, 'f'), 'changed');
    const deep = () => vfs.superblocks().flatMap(({ mount }) => mount.unwatched.map(String));
    const cut = dir.slice(1);
    for (const top of ['there', 'new'])
      await eventually(`the reason of ${top}`, () =>
        deep().some((path) => `/${path}`.includes(join(cut, top))),
      );
    assert.equal((await vfs.explain(join(dir, 'f'))).lease, 'lease');
    assert.equal(agent.started, 1);
    assert.equal(agent.hasEnded, false, agent.log);
  });
}

test('a folder deeper than a path may be long, outside of all that is watched, does not end the agent (fanotify)', async (t) => {
  const dir = scratch(t);
  beforeRemoval(t, () => execFileSync('rm', ['-rf', dir]));
  for (const name of ['watched', 'elsewhere']) fs.mkdirSync(join(dir, name));
  const { agent, watch, told } = await confined(t, { backend: 'fanotify' });
  await watch(join(dir, 'watched'));
  for (const content of ['1', '2', '3']) makeDeep(join(dir, 'elsewhere'), content);
  fs.writeFileSync(join(dir, 'watched/f'), '');
  await told('create', join(dir, 'watched/f'));
  assert.equal(agent.hasEnded, false, agent.log);
});
