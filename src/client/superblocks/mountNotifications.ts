import { NO_FH, ROOT_ID, type SuperblockId } from '../../protocol/brand';
import { Errno, errnoName } from '../../protocol/errno';
import { decodeFsError } from '../../protocol/fsError';
import { decodeMount, type MountRecord } from '../../protocol/mountRecord';
import { FS_ERROR_DIED, MountAction } from '../../protocol/livemount';
import type { Clock } from '../../base/clock';
import type { Session } from '../session/session';
import type { KnownTree } from '../tree/knownTree';
import type { Lookup } from '../tree/lookup';
import type { SuperblockTable } from './superblockTable';
import { textOf } from '../../protocol/names';
import { join, parentOf, type RemotePath } from '../../protocol/paths';
import type { Superblock } from './superblock';
import { concluded, type PlacedChange } from '../placedChange';
import type { ChangeKind } from '../vfs';

/** How long a superblock that does not respond is given to answer a probe, in ms. */
const PROBE_MS = 60_000;
/** Between two probes: an agent that knows it to be dead refuses at once. */
const PROBE_REST_MS = 1000;

/** Who is told of mounts, and whose marks follow them. */
interface Groups {
  announce(change: PlacedChange): void;
  drop(superblock: Superblock): void;
  replace(): void;
}

/** What taking in mounts needs. */
export interface MountParts {
  readonly superblocks: SuperblockTable;
  readonly session: Pick<Session, 'request' | 'state'>;
  readonly fsnotify: Groups;
  readonly known: KnownTree;
  readonly paths: Pick<Lookup, 'stamped' | 'walked'>;
  readonly clock: Clock;
}

/** Takes in what the agent tells of mounts: one came, one went, one is in trouble; and asks those that are silent. */
export class MountNotifications {
  /** Not named by the agent since the channel was attached: gone, if it names all others. */
  private unconfirmed = new Set<SuperblockId>();
  /** The agent has named its mounts once: what comes later is news. */
  private known = false;
  private placing = false;
  /** Channels so far. */
  private attachments = 0;
  private asking = false;

  constructor(
    private readonly core: MountParts,
    private readonly changed: () => void,
  ) {}

  /** A channel was attached: the agent names all its mounts now, before it answers anything else. */
  attached(): void {
    this.unconfirmed = new Set([...this.core.superblocks.all()].map(({ id }) => id));
    this.core.superblocks.recount();
    this.attachments++;
    this.ask();
  }

  /**
   * Any answer tells that the mounts have been named. One question at a time: that of a channel which was lost is sent
   * again on the next by itself, and on a link that is lost again and again they must not pile up.
   */
  private ask(): void {
    if (this.asking) return;
    this.asking = true;
    const asked = this.attachments;
    this.core.session.request('GETATTR', ROOT_ID, { getattr_flags: 0, fh: NO_FH }).then(
      () => {
        this.asking = false;
        this.confirmed();
      },
      () => {
        this.asking = false;
        if (this.attachments !== asked) this.ask();
      },
    );
  }

  /** A MOUNT notification. */
  take(body: Buffer): void {
    const record = decodeMount(body);
    this.unconfirmed.delete(record.sb);
    this.apply(record);
  }

  /** A FS_ERROR notification: told to the groups of its superblock, and counted. */
  error(body: Buffer): void {
    const { sb, seq, timeNs, errno, count, flags, path } = decodeFsError(body);
    const superblock = this.core.superblocks.get(sb);
    if (superblock === undefined) return;
    superblock.errors += count;
    const died = (flags & FS_ERROR_DIED) !== 0;
    const times = count === 1 ? '' : `, ${count} times`;
    const message = `${errnoName(errno)}${times}${died ? '; the filesystem is dead' : ''}`;
    const at = join(superblock.mountpoint, textOf(path));
    this.core.fsnotify.announce({ ...ofMount('error', superblock, at), seq, timeNs, message });
    if (died) this.core.known.drop(superblock.mountpoint);
    this.changed();
  }

  /** A superblock let a request run into its deadline: it is asked until it answers. */
  suspected(superblock: Superblock): void {
    this.changed();
    void this.probe(superblock);
  }

  private async probe(superblock: Superblock): Promise<void> {
    const { core } = this;
    const names = [superblock.record.mountpoint];
    while (core.superblocks.get(superblock.id) === superblock && core.session.state !== 'closed') {
      try {
        await core.paths.stamped(async (stamp) => {
          const fixed = { flags: 0 };
          const body = await core.session.request('WALK', ROOT_ID, fixed, { names, deadlineMs: PROBE_MS });
          core.paths.walked(body, core.known.root, superblock.mountpoint, stamp);
        });
      } catch (error) {
        const { errno } = error as { errno?: number };
        if (errno === Errno.ETIMEDOUT || errno === Errno.EINTR || errno === Errno.ENOTCONN) {
          await new Promise<void>((resolve) => core.clock.after(PROBE_REST_MS, resolve));
          continue;
        }
      }
      superblock.recovered();
      this.changed();
      return;
    }
  }

  private confirmed(): void {
    this.known = true;
    this.core.superblocks.counted();
    for (const sb of this.unconfirmed) {
      const superblock = this.core.superblocks.get(sb);
      if (superblock !== undefined) this.apply({ ...superblock.record, action: MountAction.WENT });
    }
    this.unconfirmed.clear();
  }

  private apply(record: MountRecord): void {
    const { core } = this;
    const change = core.superblocks.apply(record);
    if (change === undefined) {
      this.changed();
      return;
    }
    const { superblock, kind } = change;
    const { mountpoint } = superblock;
    const isNews = this.known || record.action !== MountAction.PRESENT;
    switch (kind) {
      case 'came':
        // The names below stood for something else, and so did the entry itself.
        if (isNews) this.cover(mountpoint);
        this.place();
        if (isNews) core.fsnotify.announce(ofMount('mount', superblock, mountpoint));
        break;
      case 'went':
        this.cover(mountpoint);
        core.fsnotify.announce(ofMount('unmount', superblock, mountpoint));
        core.fsnotify.drop(superblock);
        break;
      case 'changed':
        this.place();
    }
    this.changed();
  }

  private cover(mountpoint: RemotePath): void {
    this.core.known.drop(mountpoint);
    const parent = this.core.known.tree.dentries.at(parentOf(mountpoint));
    if (parent !== undefined) parent.listing = undefined;
  }

  /** Marks follow the mounts; once for all that are told together. */
  private place(): void {
    if (this.placing) return;
    this.placing = true;
    queueMicrotask(() => {
      this.placing = false;
      this.core.fsnotify.replace();
    });
  }
}

/** A change of a mount as such. */
function ofMount(kind: ChangeKind, superblock: Superblock, path: RemotePath): PlacedChange {
  return concluded({ kind, path, isDirectory: true, sb: superblock.id });
}
