import type { SuperblockView, Vfs } from '../client/vfs';
import { type Disposable, onDispose } from '../base/dispose';
import type { SuperblockId } from '../protocol/brand';
import {
  MOUNT_FOREIGN_WRITES,
  MOUNT_HIDDEN,
  MOUNT_NOT_RESPONDING,
  MOUNT_READONLY,
} from '../protocol/livemount';

/** Names of superblocks, kept beyond their end: an unmount is told by name too. */
export class SuperblockNames implements Disposable {
  private readonly names = new Map<SuperblockId, string>();
  private readonly subscription: Disposable;

  constructor(private readonly vfs: Vfs) {
    this.learn();
    const changes = vfs.onSuperblocksChange(() => this.learn());
    this.subscription = onDispose(() => changes.dispose());
  }

  /** "major:minor@mountid"; an id without a record stands for itself. */
  of(sb: SuperblockId): string {
    // An event may come before word of its mount does.
    if (!this.names.has(sb)) this.learn();
    return this.names.get(sb) ?? `@${sb}`;
  }

  dispose(): void {
    this.subscription.dispose();
  }

  private learn(): void {
    for (const { mount, name } of this.vfs.superblocks()) this.names.set(mount.sb, name);
  }
}

/** What people should know about a mount: why it is watched as it is, and what cannot be seen there. */
export function remarks({ mount }: SuperblockView): string[] {
  const flagged: readonly (readonly [number, string])[] = [
    [MOUNT_NOT_RESPONDING, 'it does not answer'],
    [MOUNT_HIDDEN, 'another mount stands over it'],
    [MOUNT_READONLY, 'read-only'],
    [MOUNT_FOREIGN_WRITES, 'writes made on other hosts can be missed'],
  ];
  const said = flagged.filter(([bit]) => (mount.flags & bit) !== 0).map(([, words]) => words);
  return mount.reason === '' ? said : [mount.reason, ...said];
}
