import type { First } from './pendingEvents';
import type { BytePath } from '../bytePath';
import { DT, type EntryCode, entryCode, NO_INO } from './entries';
import type { DirNode } from './tree';

/**
 * What the shadow had under a name, or, where it was never listed, what must have been there. `now`: the type that is
 * there now, as far as that was looked at.
 */
export function entryBefore(
  node: DirNode,
  name: BytePath,
  isDir: boolean,
  first: First,
  now: number = DT.UNKNOWN,
): EntryCode | undefined {
  if (node.entries !== undefined && !node.unsure) return node.entries.get(name);
  if (first === 'made') return undefined;
  if (isDir) return entryCode(NO_INO, DT.DIR);
  // What was only changed is of the type that it was.
  return entryCode(NO_INO, first === 'changed' && now !== DT.UNKNOWN && now !== DT.DIR ? now : DT.REG);
}
