import type { Generation } from '../protocol/brand';
import { type Attr, type AttrOut, type EntryOut, NO_ENTRY } from '../protocol/fuse';
import type { Mount } from './mount';
import type { Name, Node } from './nodes';

const NO_GENERATION = 0n as Generation;

/** Milliseconds as the seconds and nanoseconds of a reply. */
export function validity(ms: number): { readonly seconds: bigint; readonly ns: number } {
  const whole = Math.floor(ms / 1000);
  return { seconds: BigInt(whole), ns: Math.floor((ms - whole * 1000) * 1e6) };
}

/** Attributes as the kernel is shown them: with the mount's own inode number, and ids as they are called here. */
export function shownAttr(mount: Mount, node: Node, attr: Attr): Attr {
  return {
    ...attr,
    ino: node.shownIno,
    uid: mount.ids.uidHere(attr.uid),
    gid: mount.ids.gidHere(attr.gid),
    flags: 0,
  };
}

export function attrOut(mount: Mount, node: Node, attr: Attr, ms: number): AttrOut {
  const { seconds, ns } = validity(ms);
  return { attr_valid: seconds, attr_valid_nsec: ns, attr: shownAttr(mount, node, attr) };
}

/** An entry for the kernel, which holds the node once more then. `attr` where none is kept. */
export function entryOut(mount: Mount, name: Name, node: Node, attr: Attr): EntryOut {
  const entry = validity(mount.host.nameMs(name));
  const attrs = validity(mount.host.attrMs(node));
  mount.nodes.hold(node);
  name.shown = true;
  return {
    nodeid: node.id,
    generation: NO_GENERATION,
    entry_valid: entry.seconds,
    entry_valid_nsec: entry.ns,
    attr_valid: attrs.seconds,
    attr_valid_nsec: attrs.ns,
    attr: shownAttr(mount, node, attr),
  };
}

/** Says that a name stands for nothing, for as long as that is known. */
export function absentOut(ms: number): EntryOut {
  const { seconds, ns } = validity(ms);
  return { ...NO_ENTRY, entry_valid: seconds, entry_valid_nsec: ns };
}
