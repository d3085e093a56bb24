import { sameVersion, versionOf } from '../../protocol/attributes';
import type { FsEvent } from '../../protocol/events';
import { baseOf, parentOf, type RemotePath } from '../../protocol/paths';
import type { PlacedChange } from '../placedChange';
import { isSymlink } from '../tree/inodes';
import type { KnownTree } from '../tree/knownTree';
import type { ContentCache } from '../cache/content';

/** What the caches lose by the host's events: exactly what an event is about, its neighbours stay. */
export class EventInvalidation {
  constructor(
    private readonly known: KnownTree,
    private readonly contents: ContentCache,
    /** A watch in force tells of this very path. */
    private readonly watches: (path: RemotePath) => boolean,
  ) {}

  take(event: FsEvent, change: PlacedChange): void {
    const { known } = this;
    const { path, to } = change;
    this.directories(parentOf(path), change.kind !== 'delete');
    switch (change.kind) {
      case 'modify':
        this.replaced(path, event);
        known.attributesChanged(path);
        this.content(path);
        return;
      case 'attrib':
        known.attributesChanged(path);
        return;
      case 'create':
        this.appeared(path, event);
        return;
      case 'rename':
        if (to !== undefined) this.appeared(to, event);
        this.vanished(path);
        return;
      case 'delete':
        this.vanished(path);
        return;
      default:
        known.drop(path);
        known.attributesChanged(path);
    }
  }

  /**
   * The event tells of the directories above its path, too: where something happens there is no negative entry; and
   * where something is gone, a directory above it may be what went, unless its own watch says otherwise.
   */
  private directories(directory: RemotePath, areThere: boolean): void {
    const { known } = this;
    const deepest = known.tree.dentries.deepest(directory);
    if (deepest.inode === undefined) known.drop(deepest.path);
    if (areThere) return;
    for (let at = known.tree.dentries.at(directory); at?.parent !== undefined; at = at.parent) {
      if (this.watches(at.path)) return;
      at.crossed = true;
    }
  }

  /** A name stands for something new, unless it has been looked up since and is just that. */
  private appeared(path: RemotePath, event: FsEvent): void {
    const isKnown = this.isKnown(path, event);
    this.entries(path, isKnown);
    if (!isKnown) this.known.drop(path);
  }

  private vanished(path: RemotePath): void {
    const inode = this.known.tree.dentries.at(path)?.inode;
    this.entries(path, inode === undefined);
    // The file's other names count one link less.
    if (inode !== undefined && inode.dentries.size > 1) inode.attr = undefined;
    this.known.drop(path);
  }

  private isKnown(path: RemotePath, event: FsEvent): boolean {
    const attr = this.known.tree.dentries.at(path)?.inode?.attr;
    return attr !== undefined && !attr.crossed && sameVersion(versionOf(attr.value), event.version);
  }

  /** Another inode has the name: the directory's own attributes have changed, too. */
  private replaced(path: RemotePath, event: FsEvent): void {
    const inode = this.known.tree.dentries.at(path)?.inode;
    if (inode?.attr?.value.ino !== event.version.ino) this.known.attributesChanged(parentOf(path));
    // A link is not written to: it is another one, which may lead elsewhere.
    if (inode !== undefined && isSymlink(inode)) this.known.drop(path);
  }

  private content(path: RemotePath): void {
    const inode = this.known.tree.dentries.at(path)?.inode;
    if (inode !== undefined) this.contents.doubt(inode);
  }

  /**
   * A directory got or lost a name: its own attributes are old. So is its listing, unless it was read since and agrees
   * with the event (`isKnown`: what it says of the name is).
   */
  private entries(path: RemotePath, isKnown: boolean): void {
    const { dentries } = this.known.tree;
    const directory = parentOf(path);
    const dentry = dentries.at(directory);
    const isThere = dentries.at(path)?.inode !== undefined;
    const agrees =
      isKnown && dentry?.listing !== undefined && dentry.listing.names.has(baseOf(path)) === isThere;
    if (dentry !== undefined && !agrees) dentry.listing = undefined;
    this.known.attributesChanged(directory);
  }
}
