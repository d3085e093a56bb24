import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lanes } from '../../src/agent/posix/lanes';
import { MountTable } from '../../src/agent/posix/mountTable';
import { HostBackends } from '../../src/agent/watch/hostBackends';
import { remarks } from '../../src/cli/superblocks';
import type { SuperblockView } from '../../src/client/vfs';
import { MOUNT_FOREIGN_WRITES, MountAction } from '../../src/protocol/livemount';
import { Watches } from '../../src/server/watch/service';

/** The MOUNT records of a host with one mount of each type. */
function records(...fstypes: string[]) {
  const lines = fstypes.map((fstype, i) => `${i + 2} 1 0:${i + 2} / /${fstype} rw - ${fstype} source rw`);
  const content = Buffer.from(`1 0 8:1 / / rw - ext4 source rw\n${lines.join('\n')}\n`);
  const mounts = new MountTable(() => content, { uniqueIds: false });
  const backends = new HostBackends({
    openSource: () => ({ dispose() {}, drain: () => Promise.resolve() }),
    lanes: new Lanes(mounts),
    force: undefined,
  });
  const watches = new Watches({ mounts, backends });
  const found = watches.superblocks().filter(({ action }) => action === MountAction.PRESENT);
  watches.dispose();
  return found.filter(({ fstype }) => fstypes.includes(fstype));
}

test('only of filesystems that other hosts can write is it said that their writes can be missed', () => {
  const foreign = records(
    'proc',
    'sysfs',
    'cgroup2',
    'tmpfs',
    'xfs',
    'overlay',
    'nfs4',
    'cifs',
    'fuse.sshfs',
    '9p',
  )
    .filter(({ flags }) => (flags & MOUNT_FOREIGN_WRITES) !== 0)
    .map(({ fstype }) => fstype);
  assert.deepEqual(foreign, ['nfs4', 'cifs', 'fuse.sshfs', '9p']);
});

test('the reason of proc and sysfs is that the kernel reports no changes there', () => {
  for (const mount of records('proc', 'sysfs')) {
    assert.equal(mount.backend, 'none');
    const said = remarks({ mount } as SuperblockView).join('; ');
    assert.match(said, /the kernel, which does not tell of changes here/);
    assert.doesNotMatch(said, /other hosts/);
  }
});
