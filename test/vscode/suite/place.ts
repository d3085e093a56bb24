// Shorthand of the suite: places on the host seen from both sides, and waiting for what the host causes.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { readSpec } from './spec';

export const spec = readSpec();

/** The editor's URI of a path below the open folder, or of an absolute one. */
export function remote(below: string): vscode.Uri {
  return vscode.Uri.from({ scheme: 'livemount', authority: spec.host, path: onHost(below) });
}

/** The same place as the host's programs see it. */
export function onHost(below: string): string {
  return path.resolve(spec.folder, below);
}

/** A new folder of the host for one test. */
export function freshFolder(name: string): string {
  const folder = onHost(name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** How long something caused on the host may take to be seen, on a machine that does much else. */
const PATIENCE_MS = 15_000;
const LOOK_EVERY_MS = 20;

/** Resolves when the condition holds; fails with what was seen last. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`did not come: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

const SENTINEL = '.sentinel-';
/** A watch that was not in force yet when a sentinel was made never tells of it: then another one is made. */
const NEXT_SENTINEL_MS = 500;

let sentinels = 0;
const told = new Set<string>();
vscode.workspace
  .createFileSystemWatcher(new vscode.RelativePattern(remote('.'), `${SENTINEL}*`))
  .onDidCreate((uri) => told.add(path.posix.basename(uri.path)));

/**
 * Resolves when the editor has been told of what was done on the host before: under a live watch, what is cached is
 * valid until the event arrives, and events come in order; so a file made last is told last.
 */
export async function settled(): Promise<void> {
  let made = 0;
  const mine: string[] = [];
  await eventually('a sentinel is told', () => {
    if (Date.now() - made > NEXT_SENTINEL_MS) {
      made = Date.now();
      const name = `${SENTINEL}${sentinels++}`;
      mine.push(name);
      writeFileSync(onHost(name), '');
    }
    return mine.some((name) => told.has(name));
  });
}

/** Collects what the editor is told about files below a folder. */
export class EventLog implements vscode.Disposable {
  private readonly told: string[] = [];
  private readonly watcher: vscode.FileSystemWatcher;

  constructor(private readonly folder: vscode.Uri) {
    this.watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, '**'));
    this.watcher.onDidCreate((uri) => this.add('create', uri));
    this.watcher.onDidChange((uri) => this.add('change', uri));
    this.watcher.onDidDelete((uri) => this.add('delete', uri));
  }

  /** Resolves when all of these, `create a.txt`, have been told; their order is not compared. */
  saw(...events: readonly string[]): Promise<void> {
    const missing = () => events.filter((event) => !this.told.includes(event));
    return eventually(events.join(', '), () => missing().length === 0).catch((error: Error) => {
      throw new Error(`${error.message}; missing ${missing().join(', ')}; told: ${this.told.join(', ')}`);
    });
  }

  count(event: string): number {
    return this.told.filter((one) => one === event).length;
  }

  dispose(): void {
    this.watcher.dispose();
  }

  private add(kind: string, uri: vscode.Uri): void {
    this.told.push(`${kind} ${path.posix.relative(this.folder.path, uri.path)}`);
  }
}
