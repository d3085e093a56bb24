import * as vscode from 'vscode';
import { systemClock } from '../../base/clock';
import { type Disposable, DisposableStore } from '../../base/dispose';
import { detailsOf } from '../../client/describe';
import { GitFailure } from '../../client/git/failure';
import { repositoriesBelow } from '../../client/git/nested';
import { GitRepository, gitVersion } from '../../client/git/repository';
import type { GitVersion } from '../../client/git/version';
import type { Vfs } from '../../client/vfs';
import { Errno, errnoOf } from '../../protocol/errno';
import type { Hosts, HostSession } from '../hosts';
import { t } from '../l10n';
import type { Log } from '../log';
import { showInformation, showWarning } from '../show';
import { isWithin, ourFolders, placeOf } from '../uris';
import { OpenRepository } from './openRepository';
import { VfsGitHost } from './vfsGitHost';

/** More repositories than this in one window are not looked for: each one runs git at every change. */
const MAX_REPOSITORIES = 30;
/** How many are asked about at once. */
const AT_ONCE = 6;
/** What a clone makes within this time is one reason to look, in ms. */
const LOOK_AGAIN_MS = 500;

/**
 * The repositories of this window: those that its folders lie in, and those below its folders, submodules and linked work
 * trees too. They are looked for when a host is connected, once the workspace is trusted, since git runs what a repository names.
 */
export class Repositories implements vscode.Disposable {
  private readonly opened = new Map<string, OpenRepository>();
  private readonly changed = new vscode.EventEmitter<OpenRepository>();
  private readonly gone = new vscode.EventEmitter<OpenRepository>();
  private readonly lifetime = new DisposableStore();
  private newOnes: vscode.Disposable[] = [];
  private later: Disposable | undefined;
  /** What the repositories around one see of it, as of its last status. */
  private readonly seenFromOutside = new WeakMap<OpenRepository, string>();
  /** Folders of other users that were asked about. */
  private readonly asked = new Set<string>();

  /** A repository came, or has a new status. */
  readonly onDidChange = this.changed.event;
  /** A repository is no more; it is disposed. */
  readonly onDidClose = this.gone.event;

  constructor(
    private readonly hosts: Hosts,
    private readonly log: Log,
  ) {
    const follow = (session: HostSession) => {
      this.lifetime.add(session.onDidOpen(({ vfs }) => this.look(session, vfs)));
      if (session.current) this.look(session, session.current);
    };
    this.lifetime.add(hosts.onDidAdd(follow));
    for (const session of hosts.all()) follow(session);
    this.lifetime.add(vscode.workspace.onDidGrantWorkspaceTrust(() => this.lookEverywhere()));
    this.lifetime.add(
      vscode.workspace.onDidChangeWorkspaceFolders(() => {
        this.awaitNewOnes();
        this.lookEverywhere();
      }),
    );
    this.awaitNewOnes();
  }

  all(): readonly OpenRepository[] {
    return [...this.opened.values()];
  }

  /** The innermost repository that holds a file. */
  of(uri: vscode.Uri): OpenRepository | undefined {
    const { host, path } = placeOf(uri);
    return this.all()
      .filter((repository) => repository.session.host === host && isWithin(path, repository.root))
      .sort((a, b) => b.root.length - a.root.length)[0];
  }

  at(host: string, root: string): OpenRepository | undefined {
    return this.all().find((repository) => repository.session.host === host && repository.root === root);
  }

  lookEverywhere(): void {
    for (const session of this.hosts.all()) if (session.current) this.look(session, session.current);
  }

  dispose(): void {
    for (const repository of this.opened.values()) repository.dispose();
    this.opened.clear();
    for (const watcher of this.newOnes) watcher.dispose();
    this.later?.dispose();
    this.lifetime.dispose();
    this.changed.dispose();
    this.gone.dispose();
  }

  /** Looks again when somebody makes a repository in a folder of the window. */
  private awaitNewOnes(): void {
    for (const watcher of this.newOnes) watcher.dispose();
    this.newOnes = ourFolders().flatMap((folder) => {
      const pattern = new vscode.RelativePattern(folder, '{**/.git,**/.git/HEAD}');
      const watcher = vscode.workspace.createFileSystemWatcher(pattern, false, true, true);
      return [watcher, watcher.onDidCreate((uri) => this.lookFor(uri))];
    });
  }

  /** A checkout renames HEAD into place, which is nothing new. */
  private lookFor(uri: vscode.Uri): void {
    const { host, path } = placeOf(uri);
    if (this.at(host, path.replace(/\/\.git(?:\/HEAD)?$/, ''))) return;
    this.later?.dispose();
    this.later = systemClock.after(LOOK_AGAIN_MS, () => this.lookEverywhere());
  }

  private close(key: string, repository: OpenRepository): void {
    this.opened.delete(key);
    repository.dispose();
    this.gone.fire(repository);
  }

  private look(session: HostSession, vfs: Vfs): void {
    if (!vscode.workspace.isTrusted) return;
    this.find(session, vfs).catch((error: unknown) => {
      if (errnoOf(error) === Errno.ENOSYS) {
        this.log.info(`git on ${session.host}: ${detailsOf(error)}`);
        void this.tellNoGit(session, vfs);
      } else this.log.warn(`git on ${session.host}: ${detailsOf(error)}`);
    });
  }

  /** Where a folder has a repository, that there is no git for it is worth a word; elsewhere nobody misses it. */
  private async tellNoGit(session: HostSession, vfs: Vfs): Promise<void> {
    const host = new VfsGitHost(vfs);
    const folders = ourFolders().map(({ uri }) => placeOf(uri));
    const mine = folders.filter((folder) => folder.host === session.host).map(({ path }) => path);
    const there = await Promise.all(
      mine.map((path) => host.exists(`${path === '/' ? '' : path}/.git`).catch(() => false)),
    );
    if (!there.includes(true) || this.asked.has(session.host)) return;
    this.asked.add(session.host);
    void showInformation(
      t('There is no git on {0} that can be used: install git {1} or newer there.', session.host, '2.20'),
    );
  }

  private async find(session: HostSession, vfs: Vfs): Promise<void> {
    const folders = ourFolders()
      .map(({ uri }) => placeOf(uri))
      .filter(({ host }) => host === session.host)
      .map(({ path }) => path);
    if (folders.length === 0) return;
    const host = new VfsGitHost(vfs);
    const version = await gitVersion(host, '/');
    for (const folder of folders) {
      // The folder's own first: it is what the user looks at.
      await this.examine(session, vfs, version, [folder]);
      const below = (await repositoriesBelow(host, folder)).filter(
        (path) => this.at(session.host, path)?.tree !== vfs,
      );
      const room = Math.max(0, MAX_REPOSITORIES - this.opened.size);
      if (below.length > room) {
        this.log.info(`git in ${session.host}:${folder}: ${below.length - room} repositories are left out`);
      }
      const near = below.slice(0, room);
      for (let at = 0; at < near.length; at += AT_ONCE) {
        await this.examine(session, vfs, version, near.slice(at, at + AT_ONCE));
      }
    }
  }

  private async examine(
    session: HostSession,
    vfs: Vfs,
    version: GitVersion,
    candidates: readonly string[],
  ): Promise<void> {
    const host = new VfsGitHost(vfs);
    const look = async (candidate: string) => {
      try {
        const found = await GitRepository.find(host, version, candidate);
        if (found && session.current === vfs && this.opened.size < MAX_REPOSITORIES) {
          this.open(session, vfs, found);
        }
      } catch (error) {
        if (!(error instanceof GitFailure)) throw error;
        this.log.warn(`git in ${session.host}:${candidate}: ${error.words}`);
        if (error.kind === 'not-owner') void this.askToTrust(session, vfs, candidate, error);
      }
    };
    await Promise.all(candidates.map(look));
  }

  private open(session: HostSession, vfs: Vfs, found: GitRepository): void {
    const key = `${session.host}\0${found.root}`;
    const known = this.opened.get(key);
    if (known) {
      if (known.tree !== vfs) known.attach(vfs, found);
      return;
    }
    const repository = new OpenRepository(session, vfs, found, this.log);
    this.opened.set(key, repository);
    this.lifetime.add(
      repository.onDidChange(() => {
        const { failure } = repository;
        if (failure instanceof GitFailure && failure.kind === 'no-repository') this.close(key, repository);
        else {
          this.changed.fire(repository);
          this.tellOutside(repository);
        }
      }),
    );
    repository.refreshSoon();
    this.changed.fire(repository);
  }

  /** A commit in a submodule touches no file that the repository around it watches, but alters its status. */
  private tellOutside(repository: OpenRepository): void {
    const { status } = repository;
    if (!status) return;
    const { worktree, index, merge, untracked } = repository.resources;
    const dirty = [worktree, index, merge, untracked].map(({ length }) => length > 0);
    const seen = `${status.branch.oid ?? ''} ${dirty.join(' ')}`;
    const before = this.seenFromOutside.get(repository);
    this.seenFromOutside.set(repository, seen);
    if (before === undefined || before === seen) return;
    for (const other of this.all()) {
      if (other === repository || other.session !== repository.session) continue;
      if (isWithin(repository.root, other.root)) other.refreshSoon();
    }
  }

  /** Git does not run in folders of others, since what they set up there would run as the user. */
  private async askToTrust(
    session: HostSession,
    vfs: Vfs,
    folder: string,
    failure: GitFailure,
  ): Promise<void> {
    const named = /repository at '(\/[^'\n]+)'/.exec(failure.words)?.[1];
    const root = named !== undefined && isWithin(folder, named) ? named : folder;
    const key = `${session.host}\0${root}`;
    if (this.asked.has(key)) return;
    this.asked.add(key);
    const trust = t('Trust This Folder');
    const answer = await showWarning(
      t(
        '{0} on {1} belongs to another user, so git does nothing there: what that user set up would run as you.',
        root,
        session.host,
      ),
      trust,
    );
    if (answer !== trust) return;
    const host = new VfsGitHost(vfs);
    await host.git({ args: ['config', '--global', '--add', 'safe.directory', root], cwd: '/' });
    void showInformation(t('{0} was added to “safe.directory” of git on {1}.', root, session.host));
    this.look(session, vfs);
  }
}
