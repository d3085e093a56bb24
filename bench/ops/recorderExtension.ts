// An extension that serves a folder of this machine under a scheme of its own and writes down every call the editor
// makes. Bundled and loaded by bench/recordOpenFolder.ts; what is recorded is the editor's habit, not our speed.
import { appendFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import * as vscode from 'vscode';

/** As on a link with some delay: calls that the editor makes without waiting for one another then overlap. */
const ANSWER_MS = 20;

export const RECORDED_SCHEME = 'recorded';
export const LOG_VARIABLE = 'LIVEMOUNT_RECORDED_CALLS';

/** One line of the log. */
export interface RecordedCall {
  readonly call: string;
  readonly path: string;
  readonly start: number;
  readonly end?: number;
  readonly recursive?: boolean;
}

export function activate(context: vscode.ExtensionContext): void {
  const log = process.env[LOG_VARIABLE];
  if (log === undefined) throw new Error(`${LOG_VARIABLE} is not set`);
  const write = (call: RecordedCall) => appendFileSync(log, `${JSON.stringify(call)}\n`);
  const provider = new Recorder(write);
  context.subscriptions.push(
    vscode.workspace.registerFileSystemProvider(RECORDED_SCHEME, provider, { isCaseSensitive: true }),
  );
}

class Recorder implements vscode.FileSystemProvider {
  readonly onDidChangeFile = new vscode.EventEmitter<vscode.FileChangeEvent[]>().event;

  constructor(private readonly write: (call: RecordedCall) => void) {}

  watch({ path }: vscode.Uri, { recursive }: { readonly recursive: boolean }): vscode.Disposable {
    this.write({ call: 'watch', path, start: performance.now(), recursive });
    return new vscode.Disposable(() => {});
  }

  stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    return this.recorded('stat', uri, async () => {
      const found = await stat(uri.path);
      return {
        type: found.isDirectory() ? vscode.FileType.Directory : vscode.FileType.File,
        ctime: found.ctimeMs,
        mtime: found.mtimeMs,
        size: found.size,
      };
    });
  }

  readDirectory(uri: vscode.Uri): Promise<[string, vscode.FileType][]> {
    return this.recorded('readDirectory', uri, async () => {
      const entries = await readdir(uri.path, { withFileTypes: true });
      return entries.map((entry) => [
        entry.name,
        entry.isDirectory() ? vscode.FileType.Directory : vscode.FileType.File,
      ]);
    });
  }

  readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return this.recorded('readFile', uri, () => readFile(uri.path));
  }

  writeFile(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
  createDirectory(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
  delete(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
  rename(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  private async recorded<T>(call: string, uri: vscode.Uri, operation: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      await delay(ANSWER_MS);
      return await operation();
    } catch {
      throw vscode.FileSystemError.FileNotFound(uri);
    } finally {
      this.write({ call, path: uri.path, start, end: performance.now() });
    }
  }
}
