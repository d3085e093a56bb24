import * as fs from 'node:fs';
import path from 'node:path';
import type { Vfs } from '../../../src/client/vfs';

/** The tree as one looks at it: relative path -> kind, time of modification and content. */
export type Snapshot = Map<string, string>;

/** What the host itself sees below a directory. */
export function hostTree(dir: string, at = dir, into: Snapshot = new Map()): Snapshot {
  for (const name of fs.readdirSync(at)) {
    const file = path.join(at, name);
    const stat = fs.lstatSync(file, { bigint: true });
    const relative = path.relative(dir, file);
    if (stat.isSymbolicLink()) {
      const there = fs.existsSync(file);
      into.set(
        relative,
        `link ${there ? (fs.statSync(file).isDirectory() ? 'directory' : 'file') : 'other'}`,
      );
    } else if (stat.isDirectory()) {
      into.set(relative, 'directory');
      hostTree(dir, file, into);
    } else into.set(relative, `file ${stat.size} ${stat.mtimeNs} ${fs.readFileSync(file, 'utf8')}`);
  }
  return into;
}

/** What a client shows of it. */
export async function clientTree(
  vfs: Vfs,
  dir: string,
  at = dir,
  into: Snapshot = new Map(),
): Promise<Snapshot> {
  for (const entry of await vfs.readDirectory(at)) {
    const file = path.join(at, entry.name);
    const relative = path.relative(dir, file);
    if (entry.isSymlink) into.set(relative, `link ${entry.kind}`);
    else if (entry.kind === 'directory') {
      into.set(relative, 'directory');
      await clientTree(vfs, dir, file, into);
    } else {
      const { size, mtimeNs } = await vfs.stat(file);
      into.set(relative, `file ${size} ${mtimeNs} ${(await vfs.readFile(file)).toString()}`);
    }
  }
  return into;
}
