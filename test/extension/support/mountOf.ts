import type { SuperblockView } from '../../../src/client/vfs';
import { normalize } from '../../../src/protocol/paths';
import type { SuperblockId } from '../../../src/protocol/brand';
import { MountAction } from '../../../src/protocol/livemount';
import { MOUNT_AT_REST } from '../../client/support/mountAtRest';

let last = 100n;

/** A mount as the client shows it. */
export function mountOf(
  mountpoint: string,
  fstype: string,
  more: Partial<Omit<SuperblockView, 'mount'>> & { readonly mount?: Partial<SuperblockView['mount']> } = {},
): SuperblockView {
  const { mount, ...rest } = more;
  const sb = ++last as SuperblockId;
  return {
    mount: {
      // What MemoryVfs gives its changes.
      sb: mountpoint === '/' ? (29n as SuperblockId) : sb,
      parent: 1n as SuperblockId,
      action: MountAction.PRESENT,
      flags: 0,
      major: 0,
      minor: 1,
      mountId: 1,
      backend: 'inotify',
      mountpoint: Buffer.from(mountpoint),
      fstype,
      source: `/dev/${fstype}`,
      options: 'rw',
      reason: '',
      pollMs: 0,
      unwatched: [],
      ...mount,
    },
    name: `0:1@${sb}`,
    mountpoint: normalize(mountpoint),
    ...MOUNT_AT_REST,
    ...rest,
  };
}
