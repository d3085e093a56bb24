import type { First } from './pendingEvents';
import type { BytePath } from '../bytePath';
import type { EntryCode } from './entries';
import type { DirNode } from './tree';

/** The steps that a shadow takes towards what is there, as its parts ask for them. */
export interface Looks {
  /** Compares one name with the shadow. `bits` 0: nothing was reported of it, it is looked at for comparison. */
  look(node: DirNode, name: BytePath, bits: number, first: First): Promise<void> | undefined;
  /** Reports that a name went, and takes it out of the shadow. */
  vanish(node: DirNode, name: BytePath, before: EntryCode, flags: number): void;
}
