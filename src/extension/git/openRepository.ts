import * as vscode from 'vscode';
import { systemClock } from '../../base/clock';
import { DisposableStore } from '../../base/dispose';
import { detailsOf } from '../../client/describe';
import { GitFailure } from '../../client/git/failure';
import { type GroupName, type Resource, resourcesOf } from '../../client/git/groups';
import { RefreshSchedule } from '../../client/git/refresh';
import type { GitRepository, Unfinished } from '../../client/git/repository';
import type { GitStatus } from '../../client/git/status';
import { GIT_DIR_EXCLUDES, triggerOf } from '../../client/git/triggers';
import type { Change, Vfs, Watch } from '../../client/vfs';
import type { HostSession } from '../hosts';
import type { Log } from '../log';

const NOTHING: Readonly<Record<GroupName, readonly Resource[]>> = {
  merge: [],
  index: [],
  worktree: [],
  untracked: [],
};

const failedIn = new WeakMap<GitFailure, OpenRepository>();

/** The repository in which a command failed. */
export function placeOfFailure(failure: GitFailure): OpenRepository | undefined {
  return failedIn.get(failure);
}

/**
 * A repository while its window is open. It keeps the last status and makes a new one when the host reports a change that
 * can alter it. A new connection attaches its Vfs; until then the last status stays.
 */
export class OpenRepository implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly lifetime = new DisposableStore();
  private readonly schedule: RefreshSchedule;
  private watches: Watch[] = [];
  private vfs: Vfs;
  private repository: GitRepository;

  readonly onDidChange = this.changed.event;
  readonly root: string;

  status: GitStatus | undefined;
  resources: Readonly<Record<GroupName, readonly Resource[]>> = NOTHING;
  unfinished: Unfinished | undefined;
  /** Why there is no newer status; for the view. */
  failure: unknown;

  constructor(
    readonly session: HostSession,
    vfs: Vfs,
    repository: GitRepository,
    private readonly log: Log,
  ) {
    this.vfs = vfs;
    this.repository = repository;
    this.root = repository.root;
    this.schedule = this.lifetime.add(new RefreshSchedule(systemClock, () => this.refresh()));
    this.lifetime.add({ dispose: () => this.unwatch() });
    this.lifetime.add({ dispose: () => this.changed.dispose() });
    this.watch();
  }

  /** What git can do here. */
  get git(): GitRepository {
    return this.repository;
  }

  get tree(): Vfs {
    return this.vfs;
  }

  /** The name of its folder. */
  get name(): string {
    return this.root.slice(this.root.lastIndexOf('/') + 1) || '/';
  }

  attach(vfs: Vfs, repository: GitRepository): void {
    this.vfs = vfs;
    this.repository = repository;
    this.watch();
    this.schedule.changed();
  }

  refreshSoon(): void {
    this.schedule.changed();
  }

  /** Runs a command and shows what it led to, also when it failed half way. */
  async doing<T>(work: (git: GitRepository) => Promise<T>): Promise<T> {
    try {
      return await work(this.repository);
    } catch (error) {
      if (error instanceof GitFailure) failedIn.set(error, this);
      throw error;
    } finally {
      await this.schedule.now();
    }
  }

  refreshNow(): Promise<void> {
    return this.schedule.now();
  }

  dispose(): void {
    this.lifetime.dispose();
  }

  private async refresh(): Promise<void> {
    try {
      const [status, unfinished] = await Promise.all([
        this.repository.status(),
        this.repository.unfinished(),
      ]);
      this.status = status;
      this.resources = resourcesOf(status);
      this.unfinished = unfinished;
      this.failure = undefined;
    } catch (error) {
      this.failure = error;
      const words = error instanceof GitFailure ? error.words : detailsOf(error);
      this.log.warn(`git status of ${this.session.host}:${this.root}: ${words}`);
    }
    this.changed.fire();
  }

  private watch(): void {
    this.unwatch();
    const { gitDir, commonDir } = this.repository;
    const gitDirs =
      gitDir === commonDir || gitDir.startsWith(`${commonDir}/`) ? [commonDir] : [gitDir, commonDir];
    const listener = (changes: readonly Change[]) => this.heard(changes, [gitDir, commonDir]);
    this.watches = [
      this.vfs.watch(this.root, { recursive: true, excludes: watcherExcludes() }, listener),
      ...gitDirs.map((path) =>
        this.vfs.watch(path, { recursive: true, excludes: GIT_DIR_EXCLUDES }, listener),
      ),
    ];
    for (const watch of this.watches) {
      watch.ready.catch((error: unknown) => {
        this.log.warn(`git watch of ${this.session.host}:${this.root}: ${detailsOf(error)}`);
      });
    }
  }

  private unwatch(): void {
    for (const watch of this.watches) watch.dispose();
    this.watches = [];
  }

  private heard(changes: readonly Change[], gitDirs: readonly string[]): void {
    const telling = changes.some(
      ({ kind, path, to }) =>
        kind === 'overflow' ||
        triggerOf(path, this.root, gitDirs) !== 'none' ||
        (to !== undefined && triggerOf(to, this.root, gitDirs) !== 'none'),
    );
    if (telling) this.schedule.changed();
  }
}

/** What the user does not want watched is not watched for git either. */
function watcherExcludes(): string[] {
  const globs = vscode.workspace.getConfiguration('files').get<Record<string, unknown>>('watcherExclude', {});
  const chosen = Object.keys(globs).filter((glob) => globs[glob] === true && glob.length <= 500);
  return [...new Set([...chosen, '**/.git/**'])].slice(0, 200);
}
