import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Change } from '../../src/client/vfs';

/** Longer than any event takes: what is missing then is lost, and shown as the difference. */
const PATIENCE_MS = 60_000;

/** Every path below a folder, directories with a slash. */
export function treeOf(folder: string, base = ''): string[] {
  return readdirSync(join(folder, base), { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(base, entry.name);
      return entry.isDirectory() ? [`${path}/`, ...treeOf(folder, path)] : [path];
    })
    .sort();
}

/** What a subscriber knows who has nothing but the events. */
export class Mirror {
  private readonly paths: Set<string>;
  private awaited: (() => void) | undefined;
  /** Everything that was told, for the message. */
  private readonly history: string[] = [];

  /** Starts with what is there. */
  constructor(private readonly folder: string) {
    this.paths = new Set(treeOf(folder));
  }

  readonly take = (changes: readonly Change[]): void => {
    for (const change of changes) this.apply(change);
    this.awaited?.();
  };

  /** Fails with the difference unless what was told is what is there, now or soon. */
  async equalsTree(): Promise<void> {
    const told = () => [...this.paths].sort();
    const tree = treeOf(this.folder);
    const equal = new Promise<void>((resolve) => {
      this.awaited = () => {
        if (told().join('\n') === tree.join('\n')) resolve();
      };
      this.awaited();
    });
    await Promise.race([equal, delay(PATIENCE_MS, undefined, { ref: false })]);
    this.awaited = undefined;
    assert.deepEqual(told(), tree, this.difference(tree));
  }

  /** The paths that differ, with all that was told of the names in them. */
  private difference(tree: readonly string[]): string {
    const there = new Set(tree);
    const missing = tree.filter((path) => !this.paths.has(path));
    const wrong = [...this.paths].filter((path) => !there.has(path));
    const names = [...missing, ...wrong]
      .flatMap((path) => path.split(/[/.]/))
      .filter((name) => /\d/.test(name));
    const told = this.history.filter((line) => names.some((name) => line.includes(name)));
    return `not told: ${missing.join(' ')}\nnot there: ${wrong.join(' ')}\n${told.join('\n')}`;
  }

  private apply({ seq, kind, path, to, isDirectory }: Change): void {
    this.history.push(`${seq} ${kind} ${path}${to === undefined ? '' : ` -> ${to}`}`);
    // That the folder itself was made is no entry of it.
    if (path === this.folder && kind === 'create') return;
    const name = `${path.slice(this.folder.length + 1)}${isDirectory ? '/' : ''}`;
    if (kind === 'create') this.paths.add(name);
    else if (kind === 'delete') this.remove(name);
    else if (kind === 'rename' && to !== undefined)
      this.move(name, `${to.slice(this.folder.length + 1)}${isDirectory ? '/' : ''}`);
    else assert.notEqual(kind, 'overflow', 'nothing here is too much for a queue');
  }

  private remove(name: string): void {
    for (const path of [...this.paths])
      if (path === name || (name.endsWith('/') && path.startsWith(name))) this.paths.delete(path);
  }

  private move(from: string, to: string): void {
    const moved = [...this.paths].filter(
      (path) => path === from || (from.endsWith('/') && path.startsWith(from)),
    );
    this.remove(to);
    for (const path of moved) {
      this.paths.delete(path);
      this.paths.add(to + path.slice(from.length));
    }
    this.paths.add(to);
  }
}
