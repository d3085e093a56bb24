import * as vscode from 'vscode';
import { DisposableStore, onDispose } from '../../base/dispose';
import type { Hosts } from '../hosts';
import type { WindowLog } from '../show';
import { BlameView } from './blameView';
import { GIT_CONTEXT } from './commandTable';
import { registerGitCommands } from './commands';
import { ConflictLenses } from './conflicts';
import { GitDecorations } from './gitDecorations';
import type { OpenRepository } from './openRepository';
import { Repositories } from './repositories';
import { RemotePasswords } from './passwords';
import { Revisions } from './revisions';
import { RepositoryView } from './sourceControl';

/** Git of the hosts in this window: views, documents, decorations and commands. Nothing runs before the workspace is trusted. */
export function activateGit(hosts: Hosts, secrets: vscode.SecretStorage, log: WindowLog): vscode.Disposable {
  const store = new DisposableStore();
  const repositories = store.add(new Repositories(hosts, log));
  const revisions = store.add(new Revisions(repositories));
  const views = new Map<OpenRepository, RepositoryView>();
  store.add(
    repositories.onDidChange((repository) => {
      if (views.has(repository)) return;
      views.set(repository, new RepositoryView(repository, revisions));
      void vscode.commands.executeCommand('setContext', GIT_CONTEXT, true);
    }),
  );
  const close = (repository: OpenRepository) => {
    views.get(repository)?.dispose();
    views.delete(repository);
  };
  store.add(repositories.onDidClose(close));
  store.add(onDispose(() => [...views.keys()].forEach(close)));
  store.add(new GitDecorations(repositories));
  store.add(vscode.languages.registerCodeLensProvider({ scheme: 'livemount' }, new ConflictLenses()));
  const blame = store.add(new BlameView(repositories, log));
  store.add(
    registerGitCommands({
      hosts,
      repositories,
      blame,
      passwords: new RemotePasswords(secrets),
      log,
      viewOf: (control) => [...views.values()].find((view) => view.control === control),
      inputOf: (repository) => views.get(repository)?.control.inputBox,
    }),
  );
  return store;
}
