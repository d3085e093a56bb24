import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { NO_NODE, ROOT_ID, type Unique } from '../../src/protocol/brand';
import { FUSE_MAJOR, FUSE_MINOR } from '../../src/protocol/fuse';
import { encodeRequest } from '../../src/protocol/message';
import { TestMounts } from '../fixtures/mounts';
import { HangingMount } from '../superblocks/hangingMount';

const AGENT = resolve(__dirname, '../../dist/agent.js');

test('the agent ends when its client does, also while a call waits in a mount that never answers', async () => {
  const mounts = new TestMounts();
  const root = mounts.directory('root');
  const hanging = await HangingMount.of(mounts.directory('behind'), join(root, 'hanging'));
  try {
    const agent = spawn(process.execPath, [AGENT, 'serve', '--stdio', '--root', root], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(agent, 'exit');
    const init = { major: FUSE_MAJOR, minor: FUSE_MINOR, max_readahead: 0, flags: 0, flags2: 0 };
    agent.stdin.write(
      encodeRequest('INIT', 2n as Unique, NO_NODE, { ...init, lm_magic: 0, lm_version: 0, lm_features: 0 }),
    );
    await once(agent.stdout, 'data');
    hanging.hang();
    agent.stdin.write(encodeRequest('LOOKUP', 4n as Unique, ROOT_ID, undefined, [Buffer.from('hanging')]));
    await delay(300); // until the call has gone into the mount
    agent.stdin.end();
    const first = await Promise.race([ended, delay(20_000, 'still there')]);
    if (first === 'still there') agent.kill('SIGKILL');
    assert.deepEqual(first, [0, null]);
  } finally {
    hanging.dispose();
    mounts.dispose();
  }
});
