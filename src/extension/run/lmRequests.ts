import { posix } from 'node:path';
import * as vscode from 'vscode';
import { messageOf } from '../../base/errors';
import type { Ask } from '../../client/processes/processes';
import { showDiff } from '../show';
import { uriOf } from '../uris';
import { showAt } from './terminalLinks';

/** Files that one `lm` opens at most. */
const FILES_MAX = 64;

interface WantedFile {
  readonly path: string;
  readonly isFolder: boolean;
  readonly line: number | undefined;
  readonly column: number | undefined;
}

type Wanted =
  | { readonly kind: 'open'; readonly files: readonly WantedFile[]; readonly wait: boolean }
  | { readonly kind: 'diff'; readonly left: string; readonly right: string; readonly wait: boolean };

/** Does what `lm` asks for in a terminal of a host; answers when it is done, or closed again. */
export async function answerLm(host: string, ask: Ask): Promise<void> {
  try {
    const wanted = wantedIn(ask.body);
    if (wanted === undefined) {
      ask.answer(2, 'the window does not know what that is');
      return;
    }
    const shown = await show(host, wanted);
    if (wanted.wait) await closed(shown);
    ask.answer(0);
  } catch (error) {
    ask.answer(1, messageOf(error));
  }
}

async function show(host: string, wanted: Wanted): Promise<vscode.Uri[]> {
  if (wanted.kind === 'diff') {
    const [left, right] = [uriOf({ host, path: wanted.left }), uriOf({ host, path: wanted.right })];
    await showDiff(left, right, `${posix.basename(left.path)} ↔ ${posix.basename(right.path)}`);
    return [right];
  }
  const shown: vscode.Uri[] = [];
  for (const { path, isFolder, line, column } of wanted.files) {
    const uri = uriOf({ host, path });
    if (isFolder) {
      await vscode.commands.executeCommand('vscode.openFolder', uri, { forceNewWindow: true });
      continue;
    }
    await make(uri);
    await showAt(uri, line, column);
    shown.push(uri);
  }
  return shown;
}

/** A file that is not there yet begins empty, as an editor called with its name would have it. */
async function make(uri: vscode.Uri): Promise<void> {
  try {
    await vscode.workspace.fs.stat(uri);
  } catch (error) {
    if (!(error instanceof vscode.FileSystemError) || error.code !== 'FileNotFound') throw error;
    const edit = new vscode.WorkspaceEdit();
    edit.createFile(uri, { ignoreIfExists: true });
    if (!(await vscode.workspace.applyEdit(edit))) throw error;
  }
}

/** Resolves when no tab shows any of them. */
function closed(uris: readonly vscode.Uri[]): Promise<void> {
  const waiting = new Set(uris.map(String));
  return new Promise((resolve) => {
    const look = () => {
      const open = new Set(
        vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs.flatMap(urisOf)).map(String),
      );
      if ([...waiting].some((uri) => open.has(uri))) return;
      subscription.dispose();
      resolve();
    };
    const subscription = vscode.window.tabGroups.onDidChangeTabs(look);
    look();
  });
}

function urisOf({ input }: vscode.Tab): vscode.Uri[] {
  if (input instanceof vscode.TabInputText) return [input.uri];
  return input instanceof vscode.TabInputTextDiff ? [input.original, input.modified] : [];
}

/** What a program of the host asks for, as far as it is something that `lm` asks for. */
function wantedIn(body: string): Wanted | undefined {
  const request = parsed(body);
  const wait = request?.wait === true;
  if (request?.kind === 'diff') {
    const { left, right } = request;
    return isPath(left) && isPath(right) ? { kind: 'diff', left, right, wait } : undefined;
  }
  if (request?.kind !== 'open' || !Array.isArray(request.files)) return undefined;
  const files: WantedFile[] = [];
  for (const file of request.files.slice(0, FILES_MAX) as unknown[]) {
    if (typeof file !== 'object' || file === null) return undefined;
    const { path, isFolder, line, column } = file as Record<string, unknown>;
    if (!isPath(path)) return undefined;
    files.push({ path, isFolder: isFolder === true, line: positive(line), column: positive(column) });
  }
  return { kind: 'open', files, wait };
}

function parsed(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('/') && !value.includes('\0');
}

function positive(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
