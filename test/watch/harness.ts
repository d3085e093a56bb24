import { Pump } from '../../src/agent/libc/pump';
import { Lanes } from '../../src/agent/posix/lanes';
import { MountTable } from '../../src/agent/posix/mountTable';
import { type ForcedBackend, HostBackends } from '../../src/agent/watch/hostBackends';
import type { OpenSource } from '../../src/agent/watch/source';
import type { InotifyLimits } from '../../src/agent/watch/watchBudget';
import type { Mask, SuperblockId } from '../../src/protocol/brand';
import type { FsEvent } from '../../src/protocol/events';
import type { FsErrorRecord } from '../../src/protocol/fsError';
import type { MountRecord } from '../../src/protocol/mountRecord';
import { MARK_SUBTREE, MARK_VISIBLE } from '../../src/protocol/livemount';
import { In, IN_CHANGES, IN_RENAME } from '../../src/protocol/mask';
import { NO_CURSORS } from '../../src/protocol/resume';
import type { Clock } from '../../src/base/clock';
import { Watches } from '../../src/server/watch/service';
import type { WatchSession, WatchSink } from '../../src/server/watch/contract';

export interface HarnessOptions {
  readonly backend?: ForcedBackend;
  readonly limits?: InotifyLimits;
  readonly boundedQueue?: boolean;
  readonly journalEvents?: number;
  readonly clock?: Clock;
  /** Default: the pump. */
  readonly openSource?: OpenSource;
  /** What may be in the log; the test fails of anything else. */
  readonly mayLog?: RegExp;
}

/** Nothing happens by itself: all that one step of a test does falls into one window, which `caughtUp` ends. */
export const heldClock: Clock = { now: () => Date.now(), after: () => ({ dispose() {} }) };

export interface WatchOptions {
  readonly recursive?: boolean;
  readonly excludes?: readonly string[];
  readonly mask?: Mask;
  readonly visible?: boolean;
}

/** The watch path over the real host, in this process: its service, and sessions that keep what they hear. */
export class Harness {
  readonly mounts = new MountTable();
  readonly pump = new Pump();
  readonly service: Watches;
  private readonly listeners: Listener[] = [];
  /** Neither the pump nor the watches keep a process alive. */
  private readonly alive = setInterval(() => {}, 1000);

  constructor(options: HarnessOptions = {}) {
    this.pump.watchMounts(() => this.mounts.changed());
    this.service = new Watches({
      mounts: this.mounts,
      backends: new HostBackends({
        openSource: options.openSource ?? ((fd, onBytes, onEnd) => this.pump.read(fd, onBytes, onEnd)),
        lanes: new Lanes(this.mounts),
        ...(options.backend !== undefined && { force: options.backend }),
        ...(options.limits !== undefined && { limits: options.limits }),
        ...(options.boundedQueue !== undefined && { boundedQueue: options.boundedQueue }),
      }),
      ...(options.clock !== undefined && { clock: options.clock }),
      ...(options.journalEvents !== undefined && { journalEvents: options.journalEvents }),
      log: (message) => {
        if (!options.mayLog?.test(message)) throw new Error(message);
      },
    });
  }

  listen(): Listener {
    const listener = new Listener(this);
    this.listeners.push(listener);
    return listener;
  }

  /** Everything that happened until now was told. */
  caughtUp(): Promise<void> {
    return this.service.caughtUp();
  }

  dispose(): void {
    for (const listener of this.listeners) listener.session.dispose();
    this.service.dispose();
    this.pump.dispose();
    clearInterval(this.alive);
  }
}

/** One session, and what it heard. */
export class Listener implements WatchSink {
  readonly session: WatchSession;
  readonly mountRecords: MountRecord[] = [];
  readonly fsErrors: FsErrorRecord[] = [];
  readonly heard: FsEvent[] = [];
  /** What the channel says to every batch: false is "full". */
  room = true;
  onEvent: ((event: FsEvent) => void) | undefined;
  private generation = 0n;

  constructor(private readonly harness: Harness) {
    this.session = harness.service.open();
    this.session.attach(this, NO_CURSORS);
  }

  events(_sb: SuperblockId, events: readonly FsEvent[]): boolean {
    for (const event of events) {
      this.heard.push(event);
      this.onEvent?.(event);
    }
    return this.room;
  }

  mount(record: MountRecord): void {
    this.mountRecords.push(record);
  }

  fsError(record: FsErrorRecord): void {
    this.fsErrors.push(record);
  }

  /** Marks an absolute path; gives its superblock. */
  async watch(path: string, options: WatchOptions = {}): Promise<{ sb: SuperblockId; mountpoint: string }> {
    const { recursive = true, excludes = [], mask = IN_CHANGES, visible = true } = options;
    const mount = this.harness.mounts.covering(Buffer.from(path));
    const mountpoint = mount.mountpoint.toString();
    const below = Buffer.from(path).subarray(mountpoint === '/' ? 1 : mountpoint.length + 1);
    const flags = (recursive ? MARK_SUBTREE : 0) | (visible ? MARK_VISIBLE : 0);
    const mark = { path: below, mask, flags, excludes };
    await this.session.update(mount.sb, ++this.generation, [mark], false);
    return { sb: mount.sb, mountpoint };
  }

  /** What was heard since the last call, in words, with `root` (absolute) left out of the paths. */
  take(mountpoint: string, root: string): string[] {
    const cut = root.slice(mountpoint === '/' ? 0 : mountpoint.length);
    return this.heard.splice(0).map((event) => inWords(event).replaceAll(cut, ''));
  }
}

const WORDS = new Map<number, string>([
  [In.CREATE, 'create'],
  [In.DELETE, 'delete'],
  [In.MODIFY, 'modify'],
  [In.ATTRIB, 'attrib'],
  [In.UNMOUNT, 'unmount'],
  [In.Q_OVERFLOW, 'overflow'],
  [IN_RENAME, 'rename'],
]);

/** "create /a", "rename /a /b". */
export function inWords(event: FsEvent): string {
  const word = WORDS.get(event.mask & ~In.ISDIR) ?? `0x${event.mask.toString(16)}`;
  const path2 = event.path2 === undefined ? '' : ` /${event.path2}`;
  return `${word} /${event.path}${path2}`;
}
