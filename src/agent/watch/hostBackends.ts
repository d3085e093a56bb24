import { ErrnoError } from '../../protocol/errno';
import type { HostMount } from '../../server/hostFs';
import type { Backends, BackendSession, Choice, HintSink, WatchFs } from '../../server/watch/backend';
import { LocalEyes } from './eyes';
import { InotifyQueue } from './inotify';
import { SlowEyes } from './slowEyes';
import type { OpenSource } from './source';
import { type InotifyLimits, readLimits, WatchBudget } from './watchBudget';

/** A backend that is forced, by a test or a setting; undefined: the best that works. */
export type ForcedBackend = 'fanotify' | 'inotify' | 'poll' | 'none' | undefined;

export interface HostBackendsOptions {
  readonly openSource: OpenSource;
  readonly force?: ForcedBackend;
  readonly limits?: InotifyLimits;
}

/** The backends of a Linux host: per superblock the first of fanotify, inotify (with polling where others write), poll. */
export class HostBackends implements Backends {
  private readonly budget: WatchBudget;
  private readonly local = new LocalEyes();
  private readonly slow = new SlowEyes();
  private inotify: InotifyQueue | undefined;

  constructor(private readonly options: HostBackendsOptions) {
    this.budget = new WatchBudget((options.limits ?? readLimits()).watches);
  }

  get limitAdvice(): string {
    return this.budget.advice;
  }

  prospect(mount: HostMount): Choice {
    switch (this.options.force ?? mount.kind) {
      case 'none':
        return { backend: 'none', reason: 'watching is switched off', foreignWrites: true };
      case 'poll':
        return { backend: 'poll', reason: 'polling was asked for', foreignWrites: false };
      case 'pseudo':
        return {
          backend: 'none',
          reason: `${mount.fstype} makes its files when they are read, so there is nothing to watch`,
          foreignWrites: true,
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
      default:
        return {
          backend: 'inotify',
          reason: 'each directory has a watch of its own',
          foreignWrites: false,
        };
    }
  }

  eyes(mount: HostMount): WatchFs {
    return mount.kind === 'local' || mount.kind === 'pseudo' ? this.local : this.slow;
  }

  open(mount: HostMount, sink: HintSink): { choice: Choice; session: BackendSession | undefined } {
    const choice = this.prospect(mount);
    if (choice.backend === 'none' || choice.backend === 'poll') return { choice, session: undefined };
    try {
      this.inotify ??= new InotifyQueue(this.options.openSource, this.budget);
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      const reason = `no inotify instance is left for this user (${error.code}), so it is polled`;
      return { choice: { ...choice, backend: 'poll', reason }, session: undefined };
    }
    return { choice, session: this.inotify.open(sink) };
  }

  dispose(): void {
    this.inotify?.dispose();
    this.inotify = undefined;
  }
}
