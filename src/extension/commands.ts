import * as vscode from 'vscode';
import { detailsOf } from '../client/describe';
import { type CommandId, commandEntries } from './commandTable';
import { connectionMenu } from './connectionMenu';
import { inWords, tellAndOfferLog } from './errors';
import type { HostSession } from './hosts/hostSession';
import type { Run } from './run/run';
import { ForwardedPort } from './run/ports';
import { t } from './l10n';
import type { LocalFolders } from './mount/localFolders';
import { FolderPicker } from './open/folderPicker';
import { forgetHost, newHost, type Opening, openFolder, openFolderOn, openPlace } from './open/openFolder';
import type { RootSaves } from './rootSaves';
import { notify, pick, showBriefly, showInformation } from './show';
import { isOurs, ourFolders, type Place, placeOf } from './uris';
import type { Explanations } from './views/explain';
import { type HostsTree, uriOfNode } from './views/hostsTree';
import type { FolderNode, Node } from './views/nodes';
import type { WatchHub } from './watchHub';

export interface CommandContext extends Opening {
  readonly run: Run;
  readonly watches: WatchHub;
  readonly tree: HostsTree;
  readonly explanations: Explanations;
  readonly rootSaves: RootSaves;
  readonly local: LocalFolders;
}

/** What a menu passes: a node of our view, a file of the explorer, or nothing from the palette. */
type Subject = Node | ForwardedPort | vscode.Uri | undefined;
type Handler = (context: CommandContext, subject: Subject) => Promise<unknown> | unknown;

const handlers: Readonly<Record<CommandId, Handler>> = {
  'livemount.openFolder': (context) => openFolder(context),
  'livemount.openFolder.complete': () => FolderPicker.complete(),
  'livemount.addHost': async (context) => {
    const host = await newHost(context);
    if (host !== undefined) await openFolderOn(context, host);
    context.tree.refresh();
  },
  'livemount.host.openFolder': (context, subject) => {
    const host = hostOf(subject);
    return host === undefined ? openFolder(context) : openFolderOn(context, host);
  },
  'livemount.host.copyName': (_context, subject) => copy(hostOf(subject)),
  'livemount.disconnect': async ({ hosts }, subject) => {
    (await sessionOf(hosts, subject, t('Disconnect from Which Host?')))?.disconnect();
  },
  'livemount.reconnect': async ({ hosts }, subject) => {
    await (await sessionOf(hosts, subject, t('Reconnect to Which Host?')))?.reconnect();
  },
  'livemount.host.forget': async (context, subject) => {
    const host = hostOf(subject);
    if (host === undefined) return undefined;
    if (ourFolders().some(({ uri }) => placeOf(uri).host === host)) {
      return notify(t('A folder of {0} is open in this window. Close it first.', host));
    }
    return forgetHost(context, host);
  },
  'livemount.connection': (context) => connectionMenu(context),
  'livemount.folder.open': (context, subject) =>
    onFolder(subject, async ({ folder }) => {
      await context.allowed.allow(folder.host);
      return openPlace(folder);
    }),
  'livemount.openLocal': (context, subject) => openLocal(context, subject),
  'livemount.local.show': ({ local }, subject) =>
    isNode(subject) && subject.type === 'localFolder' ? local.show(subject.directory) : undefined,
  'livemount.local.end': async ({ local, tree }, subject) => {
    await local.end(isNode(subject) && subject.type === 'localFolder' ? subject : undefined);
    tree.refresh();
  },
  'livemount.folder.favour': ({ recent }, subject) =>
    onFolder(subject, ({ folder }) => recent.setFavourite(folder, true)),
  'livemount.folder.unfavour': ({ recent }, subject) =>
    onFolder(subject, ({ folder }) => recent.setFavourite(folder, false)),
  'livemount.folder.forget': ({ recent }, subject) =>
    onFolder(subject, ({ folder }) => recent.forget(folder)),
  'livemount.showLog': ({ log }) => log.show(),
  'livemount.explain': explain,
  'livemount.superblock.explain': explain,
  'livemount.copyHostPath': (_context, subject) => {
    const place = placeUnder(subject);
    return place === undefined ? noFile() : copy(`${place.host}:${place.path}`);
  },
  'livemount.copyValue': (_context, subject) =>
    copy(isNode(subject) && subject.type === 'field' ? subject.value : undefined),
  'livemount.sync': sync,
  'livemount.editAsRoot': ({ rootSaves }, subject) => {
    const uri = fileOf(subject);
    return uri === undefined ? noFile() : rootSaves.edit(uri);
  },
  'livemount.saveAsRoot': ({ rootSaves }, subject) => {
    const uri = fileOf(subject);
    return uri === undefined ? noFile() : rootSaves.save(uri);
  },
  'livemount.refresh': ({ hosts, watches, tree }, subject) => {
    tree.refresh();
    const place = isNode(subject) && subject.type === 'superblock' ? subject : undefined;
    for (const session of place === undefined ? hosts.all() : [place.session]) {
      watches.invalidate(session, place?.view.mountpoint ?? '/');
    }
  },
  'livemount.superblock.open': (_context, subject) =>
    onSuperblock(subject, (node) =>
      vscode.commands.executeCommand('vscode.openFolder', uriOfNode(node), { forceNewWindow: true }),
    ),
  'livemount.superblock.reveal': (_context, subject) =>
    onSuperblock(subject, (node) => vscode.commands.executeCommand('revealInExplorer', uriOfNode(node))),
  'livemount.superblock.copyPath': (_context, subject) =>
    onSuperblock(subject, (node) => copy(node.view.mountpoint)),
  'livemount.superblock.unwatch': (context, subject) => silence(context, subject, true),
  'livemount.superblock.watch': (context, subject) => silence(context, subject, false),
  'livemount.openTerminal': (context, subject) => openTerminal(context, subject),
  'livemount.forwardPort': async ({ hosts, run }, subject) => {
    const session = await sessionOf(hosts, subject, 'Forward a Port of Which Host?');
    if (session !== undefined) await run.ports.ask(session);
  },
  'livemount.ports.open': ({ run }, subject) => onPort(subject, (port) => run.ports.open(port, true)),
  'livemount.ports.copy': (_context, subject) =>
    onPort(subject, (port) => vscode.env.clipboard.writeText(port.address)),
  'livemount.ports.stop': ({ run }, subject) => onPort(subject, (port) => run.ports.stop(port)),
};

/** Registers every command of the table; one that fails says why, in one message. */
export function registerCommands(context: CommandContext): vscode.Disposable {
  const registered = commandEntries.map(([id]) =>
    vscode.commands.registerCommand(id, async (subject: Subject) => {
      try {
        return await handlers[id](context, subject);
      } catch (error) {
        context.log.error(`${id}: ${detailsOf(error)}`);
        tellAndOfferLog(inWords(error).sentence, context.log);
        return undefined;
      }
    }),
  );
  return vscode.Disposable.from(...registered);
}

function noFile(): undefined {
  return notify(t('Open or select a file of a Livemount folder first.'));
}

function copy(text: string | undefined): Thenable<void> | undefined {
  return text === undefined ? undefined : vscode.env.clipboard.writeText(text);
}

function explain({ explanations }: CommandContext, subject: Subject): Thenable<unknown> | undefined {
  const uri = fileOf(subject);
  return uri === undefined ? noFile() : explanations.show(uri);
}

async function sync({ hosts }: CommandContext, subject: Subject): Promise<void> {
  const node = isNode(subject) && subject.type === 'superblock' ? subject : undefined;
  const uri = node === undefined ? fileOf(subject) : uriOfNode(node);
  const targets =
    uri === undefined
      ? hosts.all().map((session) => ({ session, path: undefined }))
      : [{ session: hosts.session(placeOf(uri).host), path: placeOf(uri).path }];
  const connected = targets.filter(({ session }) => session.current !== undefined);
  if (connected.length === 0) {
    void showInformation(t('No host is connected, so there is nothing to sync.'));
    return;
  }
  for (const { session, path } of connected) await session.current?.sync(path);
  showBriefly(t('Livemount: written to the host’s disk'));
}

function silence({ watches, tree }: CommandContext, subject: Subject, silent: boolean): void {
  onSuperblock(subject, (node) => watches.silence(node.session, node.view.mountpoint, silent));
  tree.refresh();
}

async function openTerminal({ hosts, run }: CommandContext, subject: Subject): Promise<void> {
  if (isNode(subject)) {
    const named = hostOf(subject);
    const place = placeUnder(subject);
    if (place !== undefined) await run.terminals.open(place);
    else if (named !== undefined) {
      await run.terminals.open({ host: named, path: await hosts.session(named).home() });
    }
    return;
  }
  if (!(subject instanceof vscode.Uri) || !isOurs(subject)) {
    await run.terminals.open();
    return;
  }
  const place = placeOf(subject);
  const { kind } = await (await hosts.session(place.host).vfs()).stat(place.path);
  const folder = kind === 'directory' ? subject : vscode.Uri.joinPath(subject, '..');
  await run.terminals.open(placeOf(folder));
}

/** The folder that was selected, the only one of the window, or one that is picked. */
async function openLocal(context: CommandContext, subject: Subject): Promise<void> {
  const { local, tree } = context;
  const open = async (place: Place) => {
    await local.open(place);
    tree.refresh();
  };
  if (!local.isPossible()) return;
  const selected = subject instanceof vscode.Uri && !isOurs(subject) ? undefined : subject;
  const place = selected === undefined ? undefined : placeUnder(selected);
  if (place !== undefined) return open(place);
  const folders = ourFolders().map(({ uri }) => placeOf(uri));
  if (folders.length === 0) return openFolder(context, open);
  const items = folders.map((folder) => ({ label: `${folder.host}:${folder.path}`, folder }));
  const chosen = items.length === 1 ? items[0] : await pick(items, t('Open Which Folder as a Local One?'));
  if (chosen !== undefined) await open(chosen.folder);
}

function onPort<R>(subject: Subject, action: (port: ForwardedPort) => R): R | undefined {
  return subject instanceof ForwardedPort ? action(subject) : undefined;
}

function onSuperblock<R>(
  subject: Subject,
  action: (node: Extract<Node, { type: 'superblock' }>) => R,
): R | undefined {
  return isNode(subject) && subject.type === 'superblock' ? action(subject) : undefined;
}

function onFolder<R>(subject: Subject, action: (node: FolderNode) => R): R | undefined {
  return isNode(subject) && subject.type === 'folder' ? action(subject) : undefined;
}

/** The host a command is for: the subject's, the only one, or one the user picks. */
async function sessionOf(
  hosts: CommandContext['hosts'],
  subject: Subject,
  title: string,
): Promise<HostSession | undefined> {
  const named = hostOf(subject);
  if (named !== undefined) return hosts.session(named);
  for (const { uri } of ourFolders()) hosts.session(placeOf(uri).host);
  const sessions = hosts.all();
  if (sessions.length === 0) {
    void showInformation(t('No host is open in this window. Run “Livemount: Open Folder…”.'));
  }
  if (sessions.length < 2) return sessions[0];
  const items = sessions.map((session) => ({ label: session.host, session }));
  return (await pick(items, title))?.session;
}

function hostOf(subject: Subject): string | undefined {
  if (subject === undefined) return undefined;
  if (!isNode(subject)) {
    return subject instanceof vscode.Uri && isOurs(subject) ? placeOf(subject).host : undefined;
  }
  if (subject.type === 'configured') return subject.host;
  if (subject.type === 'folder') return subject.folder.host;
  return 'session' in subject ? subject.session.host : undefined;
}

/** The place a command is for: a mount's, a folder's, or a file's. */
function placeUnder(subject: Subject): Place | undefined {
  if (isNode(subject) && subject.type === 'folder') return subject.folder;
  const uri = fileOf(subject);
  return uri === undefined ? undefined : placeOf(uri);
}

/** The remote file a command is for: the one selected, else the active editor's. */
function fileOf(subject: Subject): vscode.Uri | undefined {
  if (isNode(subject)) return subject.type === 'superblock' ? uriOfNode(subject) : undefined;
  const uri =
    subject instanceof ForwardedPort ? undefined : (subject ?? vscode.window.activeTextEditor?.document.uri);
  return uri !== undefined && isOurs(uri) ? uri : undefined;
}

function isNode(subject: Subject): subject is Node {
  return typeof subject === 'object' && 'type' in subject && !(subject instanceof ForwardedPort);
}
