import { BACKENDS, MOUNT_FOREIGN_WRITES } from '../protocol/livemount';
import type { ClientCore } from './core';
import { normalize, parentOf, relativeTo, join } from './paths';
import type { Superblock } from './superblock';
import type { Explanation, SuperblockView } from './vfs';

/** A superblock as the views show it. */
export function viewOf(core: ClientCore, superblock: Superblock): SuperblockView {
  return {
    mount: superblock.record,
    name: superblock.name,
    mountpoint: superblock.mountpoint,
    aggregated: superblock.aggregated,
    generation: superblock.generation,
    inFlight: superblock.inFlight,
    notResponding: superblock.notResponding,
    eventsPerSecond: superblock.eventsPerSecond(performance.now()),
    overflows: superblock.overflows,
    errors: superblock.errors,
    cachedBytes: core.contents.sizeOf((inode) => inode.sb === superblock.id),
    cacheMode: core.mode(superblock),
  };
}

/** What is known of a path, and by what right, from the client's state alone. */
export function explain(core: ClientCore, asked: string): Explanation {
  const nowMs = performance.now();
  const outcome = core.resolve(normalize(asked), true, nowMs);
  const path = outcome.kind === 'found' ? outcome.path : normalize(asked);
  const superblock = core.superblocks.covering(path);
  const cached: Explanation['cached'][number][] = [];
  if (outcome.kind === 'found') {
    const { inode, listing } = outcome.dentry;
    if (core.attrIsFresh(inode, path, nowMs)) cached.push('attributes');
    if (listing !== undefined && core.right(listing, path, 'names', false, nowMs) !== 'none')
      cached.push('entries');
    const { content } = inode;
    if (content !== undefined && !content.doubtful && core.attrIsFresh(inode, path, nowMs))
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
  const held = core.fsnotify.leaseSince(path, 'attributes') !== undefined && superblock.leaseMs > 0;
  const mode = core.mode(superblock);
  return {
    path,
    superblock: viewOf(core, superblock),
    marks,
    lastEvent: core.events.lastOf(path) ?? core.events.lastOf(parentOf(path)),
    cached,
    lease: mode === 'lease' && held ? 'lease' : mode === 'none' ? 'none' : 'timeout',
    blindSpots: blindSpots(
      superblock,
      outcome.kind === 'found' ? outcome.dentry.inode.attr?.value.nlink : undefined,
    ),
  };
}

function blindSpots(superblock: Superblock, nlink: number | undefined): string[] {
  const { backend, flags, reason } = superblock.record;
  const spots: string[] = [];
  if (backend === BACKENDS[0])
    spots.push('Nothing is watched here: changes are seen when something is opened or refreshed.');
  if ((flags & MOUNT_FOREIGN_WRITES) !== 0)
    spots.push('Writes made on other hosts are only found by comparing.');
  if (backend === 'poll') spots.push('Changes are found by polling, so they show a moment late.');
  if (nlink !== undefined && nlink > 1) {
    spots.push('The file has other names: writes through one that is not watched are not told.');
  }
  if (reason !== '' && spots.length > 0) spots.push(reason);
  return spots;
}
