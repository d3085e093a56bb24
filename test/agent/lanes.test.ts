import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { statxAt } from '../../src/agent/libc/statx';
import { AT_FDCWD } from '../../src/agent/libc/flags';
import { cString } from '../../src/agent/libc/libc';
import { Lanes } from '../../src/agent/posix/lanes';
import { MountTable } from '../../src/agent/posix/mountTable';
import { PosixHostFs } from '../../src/agent/posix/posixHostFs';
import { MOUNT_NOT_RESPONDING } from '../../src/protocol/livemount';
import { OpenFlag } from '../../src/server/ops/openFlags';
import { eventually } from '../client/support/hostAgent';
import { TestMounts } from '../fixtures/mounts';
import { FuseMount, type KernelRequest } from '../superblocks/fuseMount';

const { DIRECTORY, RDONLY } = OpenFlag;

/** FUSE mounts that the test answers for, and a host that looks at them with the four threads of libuv's default pool. */
function setting(t: TestContext, count = 1, deadlineMs?: number) {
  const folder = new TestMounts();
  const mounts = Array.from({ length: count }, (_, i) => new FuseMount(join(folder.folder, `fuse${i}`)));
  const table = new MountTable();
  const lanes = new Lanes(table, { threads: 4, ...(deadlineMs !== undefined && { deadlineMs }) });
  t.after(() => {
    for (const mount of mounts) mount.dispose();
    folder.dispose();
  });
  const [mount] = mounts;
  if (mount === undefined) throw new RangeError('no mount');
  const sb = table.covering(Buffer.from(mount.at)).sb;
  return {
    folder,
    mount,
    mounts,
    lanes,
    host: new PosixHostFs(table, lanes),
    at: { path: Buffer.from(mount.at) },
    name: (name: string) => ({ path: Buffer.from(join(mount.at, name)) }),
    lane: () => lanes.of(table.covering(Buffer.from(mount.at))),
    responds: () => ((table.get(sb)?.flags ?? 0) & MOUNT_NOT_RESPONDING) === 0,
  };
}

function interrupted({ body }: KernelRequest): bigint {
  return body.readBigUInt64LE(0);
}

test('a request that is given up is an INTERRUPT to the daemon, and its thread comes back', async (t) => {
  const { mount, host, name, lane } = setting(t);
  const patience = new AbortController();
  const stat = Promise.resolve(host.stat(name('file'), { signal: patience.signal }));
  const lookup = await mount.asked('LOOKUP');
  patience.abort();
  await assert.rejects(stat, { code: 'EINTR' });
  assert.equal(interrupted(await mount.asked('INTERRUPT')), lookup.unique);
  assert.equal(lane().inFlight, 1, 'the kernel waits for the answer to the request itself');
  mount.fail(lookup, 'EINTR');
  await eventually('the thread is back', () => lane().inFlight === 0);
});

test('a request given up in the moment it was made is interrupted as well', async (t) => {
  const { mount, host, name, lane } = setting(t);
  for (let i = 0; i < 20; i++) {
    const patience = new AbortController();
    const stat = Promise.resolve(host.stat(name(`file${i}`), { signal: patience.signal }));
    patience.abort();
    await assert.rejects(stat, { code: 'EINTR' });
    const lookup = await mount.asked('LOOKUP');
    assert.equal(interrupted(await mount.asked('INTERRUPT')), lookup.unique);
    mount.fail(lookup, 'EINTR');
    await eventually('the thread is back', () => lane().inFlight === 0);
  }
});

test('what a daemon has not even read comes to it with its INTERRUPT behind it: the kernel does not take it back', async (t) => {
  const { mount, host, name, lane } = setting(t);
  mount.setDeaf(true);
  const patience = new AbortController();
  const stat = Promise.resolve(host.stat(name('file'), { signal: patience.signal }));
  await eventually('a thread is in the call', () => lane().inFlight === 1);
  patience.abort();
  await assert.rejects(stat, { code: 'EINTR' });
  // Whatever the signal did to the call would be done by the time that another call has come and gone.
  await host.stat({ path: Buffer.from('/') });
  mount.setDeaf(false);
  const lookup = await mount.asked('LOOKUP');
  assert.equal(interrupted(await mount.asked('INTERRUPT')), lookup.unique);
  mount.fail(lookup, 'EINTR');
});

test('at the deadline all calls but one are interrupted, and that one shows when the mount is back', async (t) => {
  const { mount, host, at, name, lane, responds } = setting(t, 1, 400);
  mount.revive();
  await host.stat(at);
  mount.die();
  const stats = ['a', 'b'].map((file) => Promise.resolve(host.stat(name(file))));
  const outcomes = Promise.allSettled(stats);
  const lookups = [await mount.asked('LOOKUP'), await mount.asked('LOOKUP')];
  for (const outcome of await outcomes) {
    assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'ETIMEDOUT');
  }
  assert.equal(responds(), false);
  const interrupt = await mount.asked('INTERRUPT');
  const [one, other] = lookups;
  assert.ok(one !== undefined && other !== undefined);
  const [hit, left] = interrupted(interrupt) === one.unique ? [one, other] : [other, one];
  assert.equal(interrupted(interrupt), hit.unique);
  mount.fail(hit, 'EINTR');
  await eventually('the interrupted one is back', () => lane().inFlight === 1);
  assert.equal(responds(), false, 'a daemon that answers INTERRUPT answers nothing else yet');
  assert.ok(!mount.unanswered.some(({ op }) => op === 'INTERRUPT'));

  await assert.rejects(Promise.resolve(host.stat(name('c'))), { code: 'ETIMEDOUT' });
  mount.fail(left, 'ENOENT');
  await eventually('the mount is said to respond', responds);
  mount.revive();
  await assert.rejects(Promise.resolve(host.stat(name('d'))), { code: 'ENOENT' });
});

test('what is opened when nobody waits for it any more is closed again', async (t) => {
  const { mount, host, at, lane } = setting(t);
  mount.revive();
  await host.stat(at);
  mount.die();
  const patience = new AbortController();
  const open = Promise.resolve(host.open(at, RDONLY | DIRECTORY, { signal: patience.signal }));
  const attributes = await mount.asked('STATX', 'GETATTR', 'OPENDIR');
  if (attributes.op !== 'OPENDIR') mount.answer(attributes);
  const opendir = attributes.op === 'OPENDIR' ? attributes : await mount.asked('OPENDIR');
  patience.abort();
  await assert.rejects(open, { code: 'EINTR' });
  await mount.asked('INTERRUPT');
  mount.answer(opendir);
  await mount.asked('RELEASEDIR');
  await eventually('nothing is under way', () => lane().inFlight === 0);
});

test('a file is closed however long its mount does not answer', async (t) => {
  const { mount, host, at, name, lane, responds } = setting(t, 1, 300);
  mount.revive();
  const file = await host.open(at, RDONLY | DIRECTORY);
  mount.die();
  await assert.rejects(Promise.resolve(host.stat(name('a'))), { code: 'ETIMEDOUT' });
  assert.equal(responds(), false);
  await assert.rejects(Promise.resolve(file.close()), { code: 'ETIMEDOUT' });
  mount.fail(await mount.asked('LOOKUP'), 'ENOENT');
  await mount.asked('RELEASEDIR');
  await eventually('nothing is under way', () => lane().inFlight === 0);
});

test('a call on a mount that answers is made while more others are dead than there are threads', async (t) => {
  const { folder, mounts, lanes, host, mount } = setting(t, 10);
  mount.revive();
  await host.stat({ path: Buffer.from(mount.at) });
  const dead = mounts.slice(1);
  const patience = new AbortController();
  let answered = 0;
  const stuck = dead.map(({ at }) =>
    Promise.resolve(host.stat({ path: Buffer.from(join(at, 'file')) }, { signal: patience.signal }))
      .catch(() => undefined)
      .finally(() => answered++),
  );
  for (let i = 0; i < 20; i++) await host.stat({ path: Buffer.from(mount.at) });
  const local = host.mounts.covering(Buffer.from(folder.folder));
  const attributes = statxAt(AT_FDCWD, cString(Buffer.from(folder.folder)), 0x7ff);
  assert.ok((await lanes.of(local).run(attributes)).ino > 0n);
  assert.equal(answered, 0);
  patience.abort();
  for (const { at } of dead) assert.ok(lanes.of(host.mounts.covering(Buffer.from(at))).inFlight <= 1);
  for (const one of dead) one.dispose();
  await Promise.all(stuck);
});
