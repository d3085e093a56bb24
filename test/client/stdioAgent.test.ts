import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import { eventually, scratch } from './support/hostAgent';
import { StdioAgent } from './support/stdioAgent';

test('the built agent serves a client over its standard streams, and ends with it', async (t) => {
  const dir = scratch(t);
  const agent = new StdioAgent();
  const vfs = await connectVfs(agent);
  t.after(() => {
    vfs.dispose();
    agent.dispose();
  });
  const told: string[] = [];
  const watch = vfs.watch(dir, { recursive: true }, (changes) => {
    for (const change of changes) told.push(`${change.kind} ${path.basename(change.path)}`);
  });
  await watch.ready;
  fs.writeFileSync(path.join(dir, 'file'), 'content');
  await eventually('the file was told', () => told.includes('create file'), 20_000);
  assert.equal((await vfs.readFile(path.join(dir, 'file'))).toString(), 'content');
  // No further channel reaches the same agent here: the main one carries what is large.
  const large = Buffer.alloc(12 << 20, 'x');
  await vfs.writeFile(path.join(dir, 'large'), large, { create: true, overwrite: false, expect: 'any' });
  assert.equal(fs.statSync(path.join(dir, 'large')).size, large.length);
  assert.deepEqual((await vfs.readFile(path.join(dir, 'large'))).equals(large), true);
  vfs.dispose();
  await agent.ended();
});
