import { In } from '../../../protocol/mask';
import type { EventSink, FsFault } from '../arming/backend';
import type { Late } from '../shadow/pendingEvents';
import type { Schedule } from '../arming/schedule';
import { type BytePath, joined, ROOT_PATH } from '../bytePath';
import { inoOf } from '../shadow/entries';
import type { Shadow } from '../shadow/shadow';
import type { ShadowHost } from '../shadow/shadowHost';
import type { ShadowTree } from '../shadow/shadowTree';
import type { DirNode } from '../shadow/tree';

/** What the rest of a watch does about events that concern more than names. */
export interface BackendTrouble {
  /** The backend lost events. */
  overflow(): void;
  /** The backend reports nothing any more. */
  deaf(): void;
  /** Something happened below a directory, deeper than a path reaches. */
  unseen(path: BytePath): void;
  fsError(fault: FsFault): void;
}

/** Takes what a backend reports: for the shadow to look into when the schedule says so. */
export class BackendEvents implements EventSink {
  constructor(
    private readonly tree: ShadowTree,
    private readonly shadow: Shadow,
    private readonly host: ShadowHost,
    private readonly schedule: Schedule,
    private readonly trouble: BackendTrouble,
  ) {}

  touch(node: DirNode, name: BytePath, bits: number): void {
    this.shadow.touch(node, name, bits);
    this.schedule.wake((bits & (In.DELETE | In.MOVED_FROM)) !== 0);
  }

  renamed(from: DirNode, fromName: BytePath, to: DirNode, toName: BytePath, isDir: boolean): void {
    this.shadow.renamed(from, fromName, to, toName, isDir);
    this.schedule.wake();
  }

  lost(node: DirNode): void {
    if (!node.isAttached) return;
    this.tree.unverified.add(node);
    this.schedule.idle();
  }

  touchLater(late: Late): void {
    this.shadow.touchLater(late);
    this.schedule.wake();
  }

  nodeAt(path: BytePath, ino?: number): DirNode | null | undefined {
    if (!this.host.coverage.needs(path)) return null;
    let node: DirNode = this.tree.root;
    if (path === ROOT_PATH) return node;
    const names = path.split('/') as BytePath[];
    for (const [i, name] of names.entries()) {
      const next = node.dirs?.get(name);
      const entry = node.entries?.get(name);
      const isLast = i === names.length - 1;
      const isAnother = isLast && ino !== undefined && entry !== undefined && inoOf(entry) !== ino;
      if (next !== undefined && !isAnother) {
        node = next;
        continue;
      }
      if (this.host.isCovered(joined(node.path, name))) return null;
      if (!this.host.watchesAll || node.entries !== undefined || isAnother) {
        // The shadow listed this directory and found another one, or none, under the name.
        this.touch(node, name, In.CREATE | In.ISDIR);
        return undefined;
      }
      node = node.adopt(name);
    }
    return node;
  }

  unseen(path: BytePath): void {
    this.trouble.unseen(path);
  }

  overflow(): void {
    this.trouble.overflow();
  }

  deaf(): void {
    this.trouble.deaf();
  }

  fsError(fault: FsFault): void {
    this.trouble.fsError(fault);
  }
}
