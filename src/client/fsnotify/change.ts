import type { Mask } from '../../protocol/brand';
import type { FsEvent } from '../../protocol/events';
import { In } from '../../protocol/mask';
import { textOf } from '../../protocol/names';
import { join, type RemotePath } from '../../protocol/paths';
import type { Superblock } from '../superblocks/superblock';
import type { PlacedChange } from '../placedChange';
import type { ChangeKind } from '../vfs';

/**
 * What an event's mask says happened; undefined for one that tells of nothing an editor shows (open, read, close), and
 * for IN_UNMOUNT: that a superblock went is told from its MOUNT record, watched or not, and only once.
 */
export function kindOf(mask: Mask): ChangeKind | undefined {
  const from = (mask & In.MOVED_FROM) !== 0;
  const to = (mask & In.MOVED_TO) !== 0;
  if (from && to) return 'rename';
  if (mask & In.Q_OVERFLOW) return 'overflow';
  if (mask & (In.DELETE | In.DELETE_SELF | In.MOVE_SELF) || from) return 'delete';
  if (mask & In.CREATE || to) return 'create';
  if (mask & (In.MODIFY | In.CLOSE_WRITE)) return 'modify';
  if (mask & In.ATTRIB) return 'attrib';
  return undefined;
}

/** An event of a superblock as a change of the whole tree; undefined if there is nothing to tell. */
export function changeOf(superblock: Superblock, event: FsEvent): PlacedChange | undefined {
  const kind = kindOf(event.mask);
  if (kind === undefined) return undefined;
  const { mountpoint } = superblock;
  return {
    kind,
    path: join(mountpoint, textOf(event.path)),
    ...(event.path2 !== undefined && { to: join(mountpoint, textOf(event.path2)) }),
    isDirectory: (event.mask & In.ISDIR) !== 0,
    sb: superblock.id,
    seq: event.seq,
    timeNs: event.timeNs,
  };
}

/**
 * The change as a group sees it whose business only covers one end of a rename: a move into the tree is a create, out
 * of it a delete. Undefined if it is none of its business.
 */
export function seenBy(
  change: PlacedChange,
  covers: (path: RemotePath) => boolean,
): PlacedChange | undefined {
  if (change.to === undefined) return covers(change.path) ? change : undefined;
  const from = covers(change.path);
  const to = covers(change.to);
  if (from && to) return change;
  const { to: target, ...rest } = change;
  if (from) return { ...rest, kind: 'delete' };
  if (to) return { ...rest, kind: 'create', path: target };
  return undefined;
}
