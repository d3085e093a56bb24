import * as vscode from 'vscode';
import { decodeHost, encodeHost } from './authority';

export const SCHEME = 'livemount';

/** A place on a host: what the user calls the host, and an absolute path in the text form of src/protocol/names.ts. */
export interface Place {
  readonly host: string;
  readonly path: string;
}

/** `livemount://HOST/absolute/path` taken apart. */
export function placeOf(uri: vscode.Uri): Place {
  return { host: decodeHost(uri.authority), path: normalized(uri.path) };
}

export function uriOf({ host, path }: Place): vscode.Uri {
  return vscode.Uri.from({ scheme: SCHEME, authority: encodeHost(host), path: normalized(path) });
}

const HOSTS_VERSION = 'now-on-host';

/** The same file as the host has it, apart from the document that is being edited; it can only be read. */
export function hostsVersionOf(uri: vscode.Uri): vscode.Uri {
  return uri.with({ query: HOSTS_VERSION });
}

export function isHostsVersion(uri: vscode.Uri): boolean {
  return uri.query === HOSTS_VERSION;
}

export function isOurs(uri: vscode.Uri): boolean {
  return uri.scheme === SCHEME;
}

/** The folders of this window that lie on a host. */
export function ourFolders(): readonly vscode.WorkspaceFolder[] {
  return (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => isOurs(uri));
}

/** One '/' at the start, none at the end, none doubled: the form in which two names of one path are equal. */
function normalized(path: string): string {
  const names = path.split('/').filter((name) => name !== '');
  return `/${names.join('/')}`;
}

/** Whether `path` is `folder` or lies below it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}
