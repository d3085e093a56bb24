import { Errno, ErrnoError } from '../../protocol/errno';
import type { HostMount } from '../../server/host/hostFs';
import type { Backends, BackendSession, Choice, EventSink, Lister } from '../../server/watch/arming/backend';
import type { Lanes } from '../posix/lanes';
import { LocalLister, ListerCalls } from './localLister';
import { BackendLost } from './backendLost';
import { FanotifyQueue } from './fanotify';
import { InotifyQueue } from './inotify';
import { PoolLister } from './poolLister';
import type { OpenSource } from './source';
import { type InotifyLimits, readLimits, WatchBudget } from './watchBudget';

/** A backend that is forced, by a test or a setting; undefined: the best that works. */
export type ForcedBackend = 'fanotify' | 'inotify' | 'poll' | 'none' | undefined;

export interface HostBackendsOptions {
  readonly openSource: OpenSource;
  /** Where mounts that may hang are looked at. */
  readonly lanes: Lanes;
  readonly force?: ForcedBackend;
  readonly limits?: InotifyLimits;
  /** fanotify's queue is as long as fs.fanotify.max_queued_events says, not as long as it takes. */
  readonly boundedQueue?: boolean;
}

/** A kernel's queue that was lost so often is not opened again. */
const LOSSES_MAX = 3;

/** The backends of a Linux host: per superblock the first of fanotify, inotify (with polling where others write), poll. */
export class HostBackends implements Backends {
  private readonly budget: WatchBudget;
  private readonly calls = new ListerCalls();
  private inotify: InotifyQueue | undefined;
  private lostInotify: BackendLost | undefined;
  /** How often the queue of each kind was lost. */
  private readonly losses = { inotify: 0, fanotify: 0 };
  private fanotify: FanotifyQueue | ErrnoError | undefined;

  constructor(private readonly options: HostBackendsOptions) {
    this.budget = new WatchBudget((options.limits ?? readLimits()).watches);
  }

  get limitAdvice(): string {
    return this.budget.advice;
  }

  prospect(mount: HostMount): Choice {
    // Whatever was asked for: to watch or to poll an automount point is to mount something on it.
    switch (mount.kind === 'autofs' ? mount.kind : (this.options.force ?? mount.kind)) {
      case 'none':
        return {
          backend: 'none',
          reason: 'watching is switched off',
          foreignWrites: mount.kind === 'network' || mount.kind === 'fuse',
        };
      case 'poll':
        return { backend: 'poll', reason: 'polling was asked for', foreignWrites: false };
      case 'pseudo':
        return {
          backend: 'none',
          reason: `${mount.fstype} is made up by the kernel, which does not tell of changes here`,
          foreignWrites: false,
        };
      case 'autofs':
        return { backend: 'none', reason: 'nothing is mounted here yet', foreignWrites: false };
      case 'network':
      case 'fuse':
        return {
          backend: 'inotify+poll',
          reason: `${mount.fstype}: this host's own changes are seen at once, others' by polling`,
          foreignWrites: true,
        };
      case 'inotify':
        return this.perDirectory('it was asked for');
      default: {
        if (mount.slow) return this.perDirectory('the way to it leads through a mount that may hang');
        const group = this.group();
        if (group instanceof ErrnoError) return this.perDirectory(fallbackReason(group));
        return { backend: 'fanotify', reason: 'one mark hears the whole filesystem', foreignWrites: false };
      }
    }
  }

  private perDirectory(why: string): Choice {
    return {
      backend: 'inotify',
      reason: `each directory has a watch of its own (${why})`,
      foreignWrites: false,
    };
  }

  /** The fanotify group, or why there is none. */
  private group(): FanotifyQueue | ErrnoError {
    if (this.options.force === 'inotify') return new ErrnoError('ENOSYS', 'switched off');
    if (this.fanotify !== undefined) return this.fanotify;
    try {
      this.fanotify = new FanotifyQueue(
        this.options.openSource,
        (why) => {
          this.fanotify = ++this.losses.fanotify < LOSSES_MAX ? undefined : why;
        },
        this.options.boundedQueue,
      );
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      this.fanotify = error;
    }
    return this.fanotify;
  }

  lister(mount: HostMount): Lister {
    return mount.slow
      ? new PoolLister(this.options.lanes.of(mount), mount.mountId)
      : new LocalLister(this.calls, mount.mountId);
  }

  open(mount: HostMount, sink: EventSink): { choice: Choice; session: BackendSession | undefined } {
    let choice = this.prospect(mount);
    if (choice.backend === 'none' || choice.backend === 'poll') return { choice, session: undefined };
    if (choice.backend === 'fanotify') {
      const group = this.group();
      try {
        if (group instanceof ErrnoError) throw group;
        return {
          choice,
          session: group.open(mount, sink, new LocalLister(this.calls, mount.mountId), this.calls.reserve),
        };
      } catch (error) {
        if (!(error instanceof ErrnoError)) throw error;
        choice = this.perDirectory(fallbackReason(error));
      }
    }
    try {
      this.inotify ??= this.openInotify();
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      const why = error instanceof BackendLost ? error.reason : 'no inotify instance is left for this user';
      const reason = `${why}, so it is polled`;
      return { choice: { ...choice, backend: 'poll', reason }, session: undefined };
    }
    return {
      choice,
      session: this.inotify.open(sink, mount.slow ? this.options.lanes.of(mount) : undefined),
    };
  }

  private openInotify(): InotifyQueue {
    if (this.lostInotify !== undefined) throw this.lostInotify;
    return new InotifyQueue(this.options.openSource, this.budget, (why) => {
      this.inotify = undefined;
      if (++this.losses.inotify >= LOSSES_MAX) this.lostInotify = why;
    });
  }

  dispose(): void {
    this.inotify?.dispose();
    this.inotify = undefined;
    if (this.fanotify instanceof FanotifyQueue) this.fanotify.dispose();
    this.fanotify = undefined;
    this.calls.dispose();
  }
}

function fallbackReason(error: ErrnoError): string {
  if (error instanceof BackendLost) return error.reason;
  switch (error.errno) {
    case Errno.EPERM:
      return 'a mark for a whole filesystem needs CAP_SYS_ADMIN';
    case Errno.EXDEV:
      return 'a subvolume has no mark of its own';
    case Errno.EOPNOTSUPP:
    case Errno.ENODEV:
      return 'this filesystem has no file handles';
    default:
      return `fanotify: ${error.code}`;
  }
}
