import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { beforeRemoval, eventually, scratch } from '../client/support/hostAgent';
import { confined, reads } from './confinedAgent';

for (const backend of ['fanotify', 'inotify'] as const) {
  test(`what happens while the agent can open nothing is reported, and so is what happens later (${backend})`, async (t) => {
    const dir = scratch(t);
    const { vfs, agent, watch, told, listens } = await confined(t, { backend });
    for (const name of ['a', 'b']) {
      fs.mkdirSync(join(dir, name));
      fs.writeFileSync(join(dir, name, 'old'), 'version 1');
    }
    await watch(dir);
    await reads(vfs, join(dir, 'b/old'), 'version 1');
    await listens(dir);
    agent.leaveDescriptors('no more');
    fs.writeFileSync(join(dir, 'b/old'), 'version 2, longer');
    for (let i = 0; i < 5; i++) fs.mkdirSync(join(dir, `tree${i}/x/y`), { recursive: true });
    await new Promise((resolve) => setTimeout(resolve, 300));
    agent.leaveDescriptors('many');
    await told('modify', join(dir, 'b/old'));
    for (let i = 0; i < 5; i++) await told('create', join(dir, `tree${i}/x/y`));
    await reads(vfs, join(dir, 'b/old'), 'version 2, longer');
    fs.writeFileSync(join(dir, 'b/later'), '');
    fs.writeFileSync(join(dir, 'tree4/x/y/later'), '');
    await told('create', join(dir, 'b/later'));
    await told('create', join(dir, 'tree4/x/y/later'));
    assert.equal(agent.hasEnded, false, agent.log);
  });
}

for (const backend of ['fanotify', 'inotify'] as const) {
  test(`nothing is shown old that changed while the agent had to do without any descriptor (${backend})`, async (t) => {
    const dir = scratch(t);
    const { vfs, agent, watch, told, listens } = await confined(t, { backend });
    fs.mkdirSync(join(dir, 'b'));
    fs.writeFileSync(join(dir, 'b/old'), 'version 1');
    await watch(dir);
    await listens(dir);
    await reads(vfs, join(dir, 'b/old'), 'version 1');
    agent.leaveDescriptors('none');
    fs.writeFileSync(join(dir, 'b/old'), 'version 2, longer');
    await new Promise((resolve) => setTimeout(resolve, 300));
    agent.leaveDescriptors('many');
    await reads(vfs, join(dir, 'b/old'), 'version 2, longer');
    fs.writeFileSync(join(dir, 'b/old'), 'version 3');
    await reads(vfs, join(dir, 'b/old'), 'version 3');
    fs.writeFileSync(join(dir, 'b/later'), '');
    await told('create', join(dir, 'b/later'));
    assert.equal(agent.hasEnded, false, agent.log);
  });
}

test('a mount that comes while the agent can open nothing is shown once it can', async (t) => {
  const dir = scratch(t);
  const point = join(dir, 'm');
  fs.mkdirSync(point);
  const { vfs, agent, watch, listens } = await confined(t, {});
  await watch(dir);
  await listens(dir);
  agent.leaveDescriptors('no more');
  execFileSync('mount', ['-t', 'tmpfs', 'livemount-test', point]);
  beforeRemoval(t, () => execFileSync('umount', [point]));
  await new Promise((resolve) => setTimeout(resolve, 300));
  agent.leaveDescriptors('many');
  await eventually('the mount', () => vfs.superblocks().some(({ mountpoint }) => mountpoint === point));
  assert.equal(agent.started, 1, agent.log);
  assert.equal(agent.hasEnded, false, agent.log);
});

test('a folder that can not be opened is not believed to be watched', async (t) => {
  const dir = scratch(t);
  fs.writeFileSync(join(dir, 'f'), 'one');
  const { vfs, agent, watch } = await confined(t, { backend: 'poll' });
  await vfs.stat(dir);
  agent.leaveDescriptors('no more');
  await watch(dir);
  agent.leaveDescriptors('many');
  await reads(vfs, join(dir, 'f'), 'one');
  fs.writeFileSync(join(dir, 'f'), 'two');
  await reads(vfs, join(dir, 'f'), 'two');
});

test('channels that nobody uses leave the agent the descriptors it works with', async (t) => {
  const dir = scratch(t);
  fs.chmodSync(dir, 0o700);
  const socket = join(dir, 'agent.sock');
  const program = join(__dirname, '../../dist/agent.js');
  const child = spawn(
    'prlimit',
    ['--nofile=64:64', process.execPath, program, 'daemon', '--socket', socket],
    {
      stdio: 'ignore',
    },
  );
  t.after(() => child.kill());
  await eventually('the socket', () => fs.existsSync(socket));
  const channels = Array.from({ length: 60 }, () => connect(socket));
  t.after(() => {
    for (const channel of channels) channel.destroy();
  });
  let greeted = 0;
  let refused = 0;
  for (const channel of channels) {
    channel.once('data', () => greeted++);
    channel.on('error', () => {});
    channel.once('close', () => refused++);
  }
  await eventually('an answer to each', () => greeted + refused >= channels.length);
  assert.ok(greeted > 0 && refused > 0, `${greeted} greeted, ${refused} refused`);
  const open = fs.readdirSync(`/proc/${child.pid}/fd`).length;
  assert.ok(open <= 64 - 20, `${open} of 64 are open`);
});
