import * as vscode from 'vscode';
import { t } from './l10n';
import type { CommandId } from './commandTable';
import type { HostSession } from './hosts/hostSession';
import { pick } from './show';
import type { Opening } from './open/openFolder';
import { ourFolders, placeOf, uriOf } from './uris';
import { describeState, outageLines } from './views/words';

interface Step extends vscode.QuickPickItem {
  readonly run: CommandId | 'livemount.hosts.focus';
}

/** What a click on the status bar offers: what fits the state of the connection first. */
export async function connectionMenu({ hosts }: Opening): Promise<void> {
  const [folder] = ourFolders();
  const session = folder === undefined ? hosts.all()[0] : hosts.session(placeOf(folder.uri).host);
  const steps = stepsFor(session);
  const title = session === undefined ? 'Livemount' : [session.host, describeState(session.state)].join(': ');
  const step = await pick(steps, [title, ...(session === undefined ? [] : outageLines(session))].join(' · '));
  if (step === undefined) return;
  const argument = session === undefined ? [] : [uriOf({ host: session.host, path: '/' })];
  await vscode.commands.executeCommand(step.run, ...argument);
}

function stepsFor(session: HostSession | undefined): Step[] {
  const icon = (id: string) => ({ iconPath: new vscode.ThemeIcon(id) });
  const connected = session?.state === 'connected';
  const reconnect: Step = { label: t('Reconnect Now'), ...icon('debug-restart'), run: 'livemount.reconnect' };
  const disconnect: Step = {
    label: t('Disconnect'),
    ...icon('debug-disconnect'),
    run: 'livemount.disconnect',
  };
  return [
    ...(session === undefined || connected ? [] : [reconnect]),
    { label: t('Show Hosts and Mounts'), ...icon('list-tree'), run: 'livemount.hosts.focus' },
    { label: t('Open Folder…'), ...icon('folder-opened'), run: 'livemount.openFolder' },
    { label: t('Show Log'), ...icon('output'), run: 'livemount.showLog' },
    ...(session === undefined || session.state === 'disconnected' ? [] : [disconnect]),
  ];
}
