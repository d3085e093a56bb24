import { BACKENDS, MOUNT_FOREIGN_WRITES } from '../protocol/livemount';
import type { ClientCore } from './state';
import { parentOf, relativeTo, join, type RemotePath } from '../protocol/paths';
import type { Superblock } from './superblocks/superblock';
import type { Explanation, SuperblockView } from './vfs';

/** Superblocks as the views show them. */
export function viewsOf(core: ClientCore, superblocks: Iterable<Superblock>): SuperblockView[] {
  const sizes = core.contents.sizes();
  return [...superblocks].map((superblock) => viewOf(core, superblock, sizes.get(superblock.id) ?? 0));
}

function viewOf(core: ClientCore, superblock: Superblock, cachedBytes: number): SuperblockView {
  return {
    mount: superblock.record,
    name: superblock.name,
    mountpoint: superblock.mountpoint,
    aggregated: superblock.aggregated,
    generation: superblock.generation,
    inFlight: superblock.inFlight,
    notResponding: superblock.notResponding,
    eventsPerSecond: superblock.eventsPerSecond(core.clock.now()),
    overflows: superblock.overflows,
    errors: superblock.errors,
    cachedBytes,
    cacheMode: core.rights.mode(superblock),
  };
}

/** What is known of a path, and by what right, from the client's state alone. */
export function explain(core: ClientCore, asked: RemotePath): Explanation {
  const nowMs = core.clock.now();
  const outcome = core.paths.resolve(asked, true, nowMs);
  const path = outcome.kind === 'found' ? outcome.path : asked;
  const superblock = core.superblocks.covering(path);
  const cached: Explanation['cached'][number][] = [];
  if (outcome.kind === 'found') {
    const { inode, listing } = outcome.dentry;
    if (core.rights.toAttributes(inode, path, nowMs)) cached.push('attributes');
    if (listing !== undefined && core.rights.to(listing, path, 'names', false, nowMs) !== 'none')
      cached.push('entries');
    const { content } = inode;
    if (content !== undefined && !content.doubtful && core.rights.toAttributes(inode, path, nowMs))
      cached.push('content');
  } else if (outcome.kind === 'absent') {
    cached.push('absence');
  }
  const relative = relativeTo(path, superblock.mountpoint);
  const marks = [...core.fsnotify.connectors(superblock)]
    .filter((connector) => !connector.isEmpty && connector.covers(relative))
    .map((connector) => ({
      path: join(superblock.mountpoint, connector.path),
      mask: connector.aggregate().mask,
      recursive: connector.subtree,
      acknowledged: connector.isAcknowledged,
    }));
  const held = core.rights.leaseSince(path, 'attributes') !== undefined && superblock.leaseMs > 0;
  const mode = core.rights.mode(superblock);
  const cachedBytes = core.contents.sizes().get(superblock.id) ?? 0;
  return {
    path,
    superblock: viewOf(core, superblock, cachedBytes),
    marks,
    lastEvent: core.events.lastOf(path) ?? core.events.lastOf(parentOf(path)),
    cached,
    lease: mode === 'lease' && held ? 'lease' : mode === 'none' ? 'none' : 'timeout',
    blindSpots: [
      ...blindSpots(
        superblock,
        outcome.kind === 'found' ? outcome.dentry.inode.attr?.value.nlink : undefined,
      ),
      ...leftOut(core.superblocks.leftOut),
    ],
  };
}

function leftOut(mounts: number): string[] {
  if (mounts === 0) return [];
  return [
    `The host has ${mounts} more mounts than can be followed: what is cached is only believed for a moment.`,
  ];
}

function blindSpots(superblock: Superblock, nlink: number | undefined): string[] {
  const { backend, flags, pollMs, reason } = superblock.record;
  const spots: string[] = [];
  if (backend === BACKENDS[0])
    spots.push('Nothing is watched here: changes are seen when something is opened or refreshed.');
  if ((flags & MOUNT_FOREIGN_WRITES) !== 0)
    spots.push('Writes made on other hosts are only found by comparing.');
  if (pollMs > 0) {
    spots.push(
      `Changes are found by polling every ${pollMs / 1000} s; what is shown is asked again when it is that old.`,
    );
  }
  if (nlink !== undefined && nlink > 1) {
    spots.push('The file has other names: writes through one that is not watched are not told.');
  }
  if (reason !== '' && spots.length > 0) spots.push(reason);
  return spots;
}
