import * as vscode from 'vscode';
import { DisposableStore } from '../../base/dispose';
import { detailsOf } from '../../client/describe';
import { GitFailure } from '../../client/git/failure';
import { GitRepository, gitVersion } from '../../client/git/repository';
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

/**
 * The repositories of this window: those that its folders lie in, and those directly below its folders. They are looked
 * for when a host is connected, once the workspace is trusted, since git runs what a repository names.
 */
export class Repositories implements vscode.Disposable {
  private readonly opened = new Map<string, OpenRepository>();
  private readonly changed = new vscode.EventEmitter<OpenRepository>();
  private readonly gone = new vscode.EventEmitter<OpenRepository>();
  private readonly lifetime = new DisposableStore();
  private newOnes: vscode.Disposable[] = [];
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
    this.lifetime.dispose();
    this.changed.dispose();
    this.gone.dispose();
  }

  /** Looks again when somebody makes a repository in a folder of the window, or directly below it. */
  private awaitNewOnes(): void {
    for (const watcher of this.newOnes) watcher.dispose();
    this.newOnes = ourFolders().flatMap((folder) => {
      const pattern = new vscode.RelativePattern(folder, '{.git,*/.git,.git/HEAD,*/.git/HEAD}');
      const watcher = vscode.workspace.createFileSystemWatcher(pattern, false, true, true);
      return [watcher, watcher.onDidCreate(() => this.lookEverywhere())];
    });
  }

  private close(key: string, repository: OpenRepository): void {
    this.opened.delete(key);
    repository.dispose();
    this.gone.fire(repository);
  }

  private look(session: HostSession, vfs: Vfs): void {
    if (!vscode.workspace.isTrusted) return;
    this.find(session, vfs).catch((error: unknown) => {
      if (errnoOf(error) === Errno.ENOSYS) this.log.info(`git on ${session.host}: ${detailsOf(error)}`);
      else this.log.warn(`git on ${session.host}: ${detailsOf(error)}`);
    });
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
      for (const candidate of [folder, ...(await repositoriesBelow(vfs, folder))]) {
        if (session.current !== vfs || this.opened.size >= MAX_REPOSITORIES) return;
        try {
          const found = await GitRepository.find(host, version, candidate);
          if (found) this.open(session, vfs, found);
        } catch (error) {
          if (!(error instanceof GitFailure)) throw error;
          this.log.warn(`git in ${session.host}:${candidate}: ${error.words}`);
          if (error.kind === 'not-owner') void this.askToTrust(session, vfs, candidate, error);
        }
      }
    }
  }

  private open(session: HostSession, vfs: Vfs, found: GitRepository): void {
    const key = `${session.host}\0${found.root}`;
    const known = this.opened.get(key);
    if (known) {
      known.attach(vfs, found);
      return;
    }
    const repository = new OpenRepository(session, vfs, found, this.log);
    this.opened.set(key, repository);
    this.lifetime.add(
      repository.onDidChange(() => {
        const { failure } = repository;
        if (failure instanceof GitFailure && failure.kind === 'no-repository') this.close(key, repository);
        else this.changed.fire(repository);
      }),
    );
    repository.refreshSoon();
    this.changed.fire(repository);
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

/** Folders directly below one that hold a repository of their own. */
async function repositoriesBelow(vfs: Vfs, folder: string): Promise<string[]> {
  const host = new VfsGitHost(vfs);
  const entries = await vfs.readDirectory(folder).catch(() => []);
  const below = entries
    .filter(({ kind, isSymlink, name }) => kind === 'directory' && !isSymlink && name !== '.git')
    .slice(0, 200)
    .map(({ name }) => `${folder === '/' ? '' : folder}/${name}`);
  const found = await Promise.all(below.map((path) => host.exists(`${path}/.git`).catch(() => false)));
  return below.filter((_, at) => found[at]);
}
