import * as vscode from 'vscode';
import { listHosts } from '../ssh/config/listHosts';
import { registerCommands } from './commands';
import { hostConnector } from './connect';
import { LivemountFileSystem } from './fileSystemProvider';
import { Hosts } from './hosts';
import { Notices } from './notices';
import { WindowQuestions } from './questions';
import { RootSaves } from './rootSaves';
import { setting } from './settings';
import { WindowLog } from './show';
import { CallTrace } from './trace';
import { UnfinishedSaveOffers } from './unfinishedSaves';
import { SCHEME } from './uris';
import { MountDecorations } from './views/decorations';
import { Explanations } from './views/explain';
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
  const hosts = own(new Hosts(hostConnector(context, log), log));
  const watches = own(new WatchHub(hosts, log));
  const trace = new CallTrace(log, () => setting('livemount.trace'));
  const rootSaves = new RootSaves(hosts);
  const unfinished = own(new UnfinishedSaveOffers(hosts, log));
  const questions = new WindowQuestions();
  const provider = new LivemountFileSystem(hosts, watches, questions, rootSaves, unfinished, trace);
  own(vscode.workspace.registerFileSystemProvider(SCHEME, provider, { isCaseSensitive: true }));
  own(
    watches.onDidGoStale(() => vscode.commands.executeCommand('workbench.files.action.refreshFilesExplorer')),
  );

  const tree = own(new HostsTree(hosts, watches));
  const explanations = own(new Explanations(hosts));
  own(new MountDecorations(hosts));
  own(new Notices(hosts));
  own(new ConnectionStatus(hosts));
  const configuredHosts = () => listHosts(setting('livemount.ssh.configFile') || undefined);
  own(registerCommands({ hosts, watches, tree, explanations, rootSaves, log, configuredHosts }));

  void checkFolders(hosts, log);
}
