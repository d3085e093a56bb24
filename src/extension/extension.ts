import { homedir } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import { listHosts } from '../ssh/config/listHosts';
import { AllowedHosts } from './hosts/allowedHosts';
import { registerCommands } from './commands';
import { hostConnector, hostKeyStoreIn, windowAnswers } from './hosts/connect';
import { LivemountFileSystem } from './fileSystemProvider';
import { activateFind } from './find/find';
import { activateGit } from './git/git';
import { Hosts } from './hosts/hosts';
import { Links } from './open/links';
import { RecentFolders } from './open/recentFolders';
import { Notices } from './notices';
import { WindowQuestions } from './questions';
import { RenamedTabs } from './renamedTabs';
import { RootSaves } from './rootSaves';
import { Run } from './run/run';
import { setting } from './settings';
import { tellFailure } from './errors';
import { LocalFolders, mountOptions } from './mount/localFolders';
import { mountFolders } from './mount/mountPoints';
import { LocalTerminals } from './localTerminals';
import { LookedAt } from './lookedAt';
import { WindowLog } from './show';
import { CallTrace } from './trace';
import { UnfinishedSaveOffers } from './unfinishedSaves';
import { SCHEME } from './uris';
import { ClosedFolders } from './views/closedFolders';
import { MountDecorations } from './views/decorations';
import { Explanations } from './views/explain';
import { History } from './views/history';
import { HostsTree } from './views/hostsTree';
import { ConnectionStatus } from './views/statusBar';
import { WatchHub } from './watchHub';
import { checkFolders } from './workspaceCheck';

/**
 * Wires the extension: one provider for all hosts, registered once for the life of the window. Nothing here touches
 * the network; a host is connected when the editor first asks for something on it.
 */
export function activate(context: vscode.ExtensionContext): void {
  const own = <T extends vscode.Disposable>(part: T): T => {
    context.subscriptions.push(part);
    return part;
  };
  const log = own(new WindowLog());
  const configuredHosts = () => listHosts(setting('livemount.ssh.configFile') || undefined);
  const allowed = new AllowedHosts(context.globalState, configuredHosts);
  const asking = windowAnswers(context);
  const hosts = own(new Hosts(hostConnector(context, allowed, asking, log), log));
  own(vscode.window.registerUriHandler(new Links(allowed, log)));
  const watches = own(new WatchHub(hosts, log));
  const looked = own(new LookedAt(watches));
  own(new RenamedTabs(watches, log));
  const closed = own(new ClosedFolders(watches));
  const trace = new CallTrace(log, () => setting('livemount.trace'));
  const rootSaves = own(new RootSaves(hosts));
  const unfinished = own(new UnfinishedSaveOffers(hosts, log));
  const questions = new WindowQuestions();
  const provider = new LivemountFileSystem(
    hosts,
    watches,
    questions,
    rootSaves,
    unfinished,
    trace,
    looked,
    closed,
  );
  own(vscode.workspace.registerFileSystemProvider(SCHEME, provider, { isCaseSensitive: true }));
  own(vscode.workspace.onDidChangeTextDocument(({ document }) => provider.documentChanged(document)));
  own(
    watches.onDidGoStale(() => vscode.commands.executeCommand('workbench.files.action.refreshFilesExplorer')),
  );

  const history = own(new History(hosts, watches));
  const recent = own(new RecentFolders(context.globalState));
  const local = new LocalFolders({
    memory: context.globalState,
    permit: (host) => allowed.permit(host),
    program: {
      cli: path.join(context.extensionPath, 'dist/cli.js'),
      hostKeyStore: hostKeyStoreIn(context),
      answering: asking,
    },
    options: mountOptions,
    bases: () => mountFolders(process.env, homedir()),
    log,
  });
  const tree = own(
    new HostsTree({ hosts, watches, history, recent, configuredHosts, localFolders: () => local.list() }),
  );
  const explanations = own(new Explanations(hosts));
  own(new MountDecorations(hosts));
  own(new Notices(hosts));
  own(new ConnectionStatus(hosts));
  own(new LocalTerminals());
  const run = own(new Run(hosts, context.workspaceState, log));
  own(
    registerCommands({
      hosts,
      run,
      allowed,
      recent,
      watches,
      tree,
      explanations,
      rootSaves,
      local,
      log,
      configuredHosts,
      configFile: () => setting('livemount.ssh.configFile') || undefined,
    }),
  );

  own(activateGit(hosts, context.secrets, log));
  own(activateFind(hosts, context, log));

  void vscode.commands.executeCommand('setContext', 'livemount.started', true);
  void checkFolders(hosts, recent, log);
  tellFailure(local.comeBack().finally(() => tree.refresh()));
}
