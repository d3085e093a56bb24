import type { SuperblockId } from '../../protocol/brand';
import { MOUNT_FOREIGN_WRITES, MountAction } from '../../protocol/livemount';
import type { MountRecord } from '../../protocol/mountRecord';
import type { HostMount, HostMounts } from '../host/hostFs';
import type { Backends, Choice } from './arming/backend';
import { toBytes } from './bytePath';
import { VISIBLE_INTERVAL_MS } from './shadow/poller';
import type { SuperblockWatch } from './superblock/superblockWatch';

/** What a record says beside the mount itself. */
type Watching = Pick<SuperblockWatch, 'pollMs' | 'unwatched'>;

/** How each mount is watched, as sessions are shown it. */
export class MountRecords {
  private readonly choices = new Map<SuperblockId, Choice>();

  /** `watchOn`: the watch on a superblock, if there is one. `spread` gives a record to all sessions. */
  constructor(
    private readonly mounts: HostMounts,
    private readonly backends: Backends,
    private readonly watchOn: (sb: SuperblockId) => Watching | undefined,
    private readonly spread: (record: MountRecord) => void,
  ) {}

  /** All mounts, as they are. */
  present(): readonly MountRecord[] {
    return this.mounts.list().map((mount) => this.of(mount, MountAction.PRESENT));
  }

  of(mount: HostMount, action: number): MountRecord {
    const choice = this.choiceOf(mount);
    const { root: _root, kind: _kind, slow: _slow, ...shown } = mount;
    const foreign = choice.foreignWrites ? MOUNT_FOREIGN_WRITES : 0;
    const { backend } = choice;
    const watch = this.watchOn(mount.sb);
    const polled = backend === 'poll' || backend === 'inotify+poll' ? VISIBLE_INTERVAL_MS : 0;
    // Before the first round nobody knows how long one takes.
    const pollMs = watch?.pollMs || polled;
    const unwatched = watch?.unwatched ?? [];
    const reason = choice.reason + blindness(unwatched.length);
    return {
      ...shown,
      action,
      flags: mount.flags | foreign,
      backend,
      pollMs,
      reason,
      unwatched: unwatched.map(toBytes),
    };
  }

  /** A superblock is watched in this way now. */
  chosen(mount: HostMount, choice: Choice): void {
    const before = this.choiceOf(mount);
    this.choices.set(mount.sb, choice);
    if (before.backend !== choice.backend || before.reason !== choice.reason) this.changed(mount);
  }

  /** Something else that a mount's record says is different now. */
  changed(mount: HostMount): void {
    this.spread(this.of(mount, MountAction.CHANGED));
  }

  forget(sb: SuperblockId): void {
    this.choices.delete(sb);
  }

  private choiceOf(mount: HostMount): Choice {
    return this.choices.get(mount.sb) ?? this.backends.prospect(mount);
  }
}

function blindness(folders: number): string {
  if (folders === 0) return '';
  const which = folders === 1 ? 'one folder' : `${folders} folders`;
  return `; ${which} can't be watched (closed to the agent's user, too deep, or nothing is left to open it with): nothing from there is kept without asking`;
}
