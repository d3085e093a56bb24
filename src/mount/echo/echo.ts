import type { Disposable } from '../../base/dispose';
import {
  type Attr,
  NotifyInvalEntryOut,
  NotifyInvalInodeOut,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from '../../protocol/fuse';
import { Errno } from '../../protocol/errno';
import { In } from '../../protocol/mask';
import { Notify, type OutOf } from '../../protocol/opcodes';
import type { Call } from '../call';
import type { EchoCall } from '../kernel/threadProtocol';
import type { Mount } from '../mount';
import type { Name, Node } from '../nodes';
import { absentOut, attrOut, shownAttr, validity } from '../reply';
import { Intake } from './intake';
import { Watchers } from './watchers';
import { nodesOf, parentsOf, type Plan, type Spot } from './plan';

/** A directory that only the echo thread sees: what comes to stand on a known name is renamed from there. */
const STAGE = '.livemount-stage';
const STAGED = 'x';
/** Plans that wait at most; beyond, watchers are told the difference when there is time. */
const PLANS_MAX = 65_536;
/** Notification flag: the name is looked up again before it is used, and whoever is in it stays. (7.38) */
const EXPIRE_ONLY = 1;
const NUL = Buffer.alloc(1);

const OPENED = In.OPEN | In.CLOSE_WRITE | In.CLOSE_NOWRITE;

/**
 * Shows the kernel what happened on the host: its caches lose what is not so, and where a local program watches, the
 * change is repeated on the mount by the echo thread, so that the kernel makes the events of it. The requests this
 * causes are answered here, and the host hears nothing of them. One echo at a time, in the host's order.
 */
export class Echo implements Disposable {
  readonly intake: Intake;
  private readonly watchers: Watchers;
  private readonly plans: { readonly plan: Plan; readonly since: number }[] = [];
  /** Names that plans will take away, with how many of them. */
  private readonly leaving = new Map<Node, Map<string, number>>();
  /** What the kernel was shown of watched directories when the agent was lost. */
  private pictures: Picture[] = [];
  private running = false;
  private over = false;
  private current: Plan | undefined;
  private stage: Node | undefined;
  /** Plans were dropped: below these the kernel is shown the difference. */
  private readonly doubts = new Set<Node>();

  constructor(private readonly mount: Mount) {
    this.intake = new Intake(
      mount,
      (plan) => this.push(plan),
      (node, follows) => this.doubt(node, follows),
    );
    this.watchers = new Watchers(mount);
  }

  start(device: number): void {
    this.watchers.start(device);
  }

  dispose(): void {
    this.over = true;
    this.plans.length = 0;
    this.watchers.dispose();
  }

  ownName(parent: Node, key: string, node: Node | undefined): void {
    this.intake.ownName(parent, key, node);
  }

  // The kernel's caches -------------------------------------------------------------------------------------------

  /** The kernel's pages (of a directory: its listing) and attributes are not so any more. */
  dropPages(node: Node): void {
    if (node.nlookup === 0n && node !== this.mount.nodes.root) return;
    this.mount.device.notify(
      Notify.INVAL_INODE,
      NotifyInvalInodeOut.encode({ ino: node.id, off: 0n, len: 0n }),
    );
  }

  dropAttributes(node: Node): void {
    if (node.nlookup === 0n && node !== this.mount.nodes.root) return;
    this.mount.device.notify(
      Notify.INVAL_INODE,
      NotifyInvalInodeOut.encode({ ino: node.id, off: -1n, len: 0n }),
    );
  }

  /** A name stands for something else, or for nothing. */
  dropName(parent: Node, key: string, expireOnly = false): void {
    if (parent.nlookup === 0n && parent !== this.mount.nodes.root) return;
    const name = Buffer.from(key, 'latin1');
    const flags = expireOnly ? EXPIRE_ONLY : 0;
    const fixed = NotifyInvalEntryOut.encode({ parent: parent.id, namelen: name.length, flags });
    this.mount.device.notify(Notify.INVAL_ENTRY, Buffer.concat([fixed, name, NUL]));
  }

  /** Nothing below a node is known for certain any more; the kernel asks again for what it has, and nobody is thrown out. */
  expire(node: Node): void {
    node.attr = undefined;
    node.bare = undefined;
    node.granted = undefined;
    node.listing = undefined;
    node.readable = undefined;
    node.pages = undefined;
    this.mount.nothingAhead(node);
    this.dropPages(node);
    for (const name of [...node.children.values()]) {
      name.crossed = true;
      this.dropName(node, name.key, true);
      if (name.node === undefined) node.children.delete(name.key);
      else this.expire(name.node);
    }
  }

  // What is to be shown -------------------------------------------------------------------------------------------

  private push(plan: Plan): void {
    if (this.over) return;
    if (this.plans.length >= PLANS_MAX) {
      this.withoutEcho(plan);
      for (const parent of parentsOf(plan)) this.doubts.add(parent);
      return;
    }
    this.count(plan, 1);
    for (const node of nodesOf(plan)) this.mount.nodes.hold(node);
    this.plans.push({ plan, since: performance.now() });
    if (!this.running) void this.run();
  }

  /** Events were lost, or the agent: everything below is looked at again. */
  doubt(node: Node, follows: boolean): void {
    const before = follows ? [] : this.watchers.below(node).map((directory) => this.pictureOf(directory));
    this.expire(node);
    if (before.length > 0) this.intake.enqueue(() => this.showDifferences(before));
  }

  /** The agent that watched for us is gone: nothing is known for certain any more. */
  lost(): void {
    if (this.pictures.length === 0) {
      this.pictures = this.watchers.below(this.mount.nodes.root).map((node) => this.pictureOf(node));
    }
    this.expire(this.mount.nodes.root);
  }

  /** The next agent watches: what changed from now on is told, and what changed before is found out. */
  regained(): void {
    const before = this.pictures;
    this.pictures = [];
    this.expire(this.mount.nodes.root);
    if (before.length > 0) this.intake.enqueue(() => this.showDifferences(before));
  }

  private pictureOf(directory: Node): Picture {
    const names = new Map<string, { readonly node: Node; readonly attr: Attr | undefined }>();
    for (const { key, node } of directory.children.values()) {
      if (node !== undefined) names.set(key, { node, attr: node.attr?.value ?? node.seen });
    }
    return { directory, names };
  }

  private async showDifferences(before: readonly Picture[]): Promise<void> {
    for (const picture of before) {
      try {
        await this.mount.ahead.list(picture.directory, undefined);
      } catch {
        continue; // It is gone, and whoever looks finds that out.
      }
      this.showDifference(picture);
    }
  }

  private showDifference({ directory, names }: Picture): void {
    const above = this.mount.nodes.placeOf(directory);
    if (above === undefined) return;
    const spotOf = (key: string): Spot => {
      const own = Buffer.from(key, 'latin1');
      return { parent: directory, key, path: above.length === 0 ? own : Buffer.concat([above, SLASH, own]) };
    };
    for (const [key, { node }] of names) {
      if (directory.children.get(key)?.node === undefined)
        this.push({ kind: 'deleted', at: spotOf(key), node });
    }
    for (const { key, node } of directory.children.values()) {
      if (node === undefined) continue;
      const old = names.get(key);
      const attr = node.attr?.value;
      const at = spotOf(key);
      if (old === undefined) this.push({ kind: 'created', at, node, size: attr?.size ?? 0n });
      else if (old.node !== node) this.push({ kind: 'replaced', at, node, old: old.node });
      else if (attr !== undefined && old.attr !== undefined) {
        if (contentDiffers(old.attr, attr) && node.type === S_IFREG) this.push({ kind: 'written', at, node });
        else if (attributesDiffer(old.attr, attr)) this.push({ kind: 'attributes', at, node });
      }
    }
  }

  private async run(): Promise<void> {
    this.running = true;
    for (let next = this.plans[0]; next !== undefined && !this.over; next = this.plans[0]) {
      const { plan, since } = next;
      const mask = this.maskOf(plan);
      // Somebody may watch whom no look has found yet: it is looked for behind the event.
      if (mask === 0 && since > this.watchers.lookedAt) {
        await this.watchers.look();
        continue;
      }
      this.plans.shift();
      if (mask === 0 && !this.mustBeShown(plan)) this.withoutEcho(plan);
      else await this.perform(plan, mask);
      this.settle(plan);
    }
    this.running = false;
    if (this.over || this.doubts.size === 0) return;
    const doubted = [...this.doubts];
    this.doubts.clear();
    for (const node of doubted) this.doubt(node, false);
  }

  /** A name that is to go, or was renamed, is absent for the host; that it is must not be kept until it is shown. */
  isPending(parent: Node, key: string): boolean {
    return (this.leaving.get(parent)?.get(key) ?? 0) > 0;
  }

  private count(plan: Plan, by: number): void {
    if (plan.kind !== 'deleted' && plan.kind !== 'renamed') return;
    const { parent, key } = plan.at;
    const keys = this.leaving.get(parent) ?? new Map<string, number>();
    this.leaving.set(parent, keys);
    const count = (keys.get(key) ?? 0) + by;
    if (count > 0) keys.set(key, count);
    else keys.delete(key);
    if (keys.size === 0) this.leaving.delete(parent);
  }

  private settle(plan: Plan): void {
    this.count(plan, -1);
    for (const node of nodesOf(plan)) this.mount.nodes.forget(node.id, 1n);
  }

  /** A directory that the kernel holds keeps who is in it, whoever watches. */
  private mustBeShown(plan: Plan): boolean {
    return plan.kind === 'renamed' && plan.node.type === S_IFDIR && plan.node.nlookup > 0n;
  }

  private maskOf(plan: Plan): number {
    let mask = this.watchers.maskOf(plan.node);
    for (const parent of parentsOf(plan)) mask |= this.watchers.maskOf(parent);
    if (plan.kind === 'renamed' && plan.target !== undefined) mask |= this.watchers.maskOf(plan.target);
    return mask;
  }

  /** The kernel's caches alone, where nobody watches. */
  private withoutEcho(plan: Plan): void {
    switch (plan.kind) {
      case 'created':
      case 'replaced':
      case 'deleted':
        // Who looked it up meanwhile has the right thing.
        if (plan.kind !== 'created' || plan.at.parent.children.get(plan.at.key)?.shown !== true)
          this.dropName(plan.at.parent, plan.at.key);
        return;
      case 'renamed':
        this.dropName(plan.at.parent, plan.at.key);
        this.dropName(plan.to.parent, plan.to.key);
        return;
    }
  }

  private async perform(plan: Plan, mask: number): Promise<void> {
    const { device } = this.mount;
    const calls = this.callsFor(plan, mask);
    if (calls.length === 0) {
      this.withoutEcho(plan);
      return;
    }
    this.current = plan;
    try {
      const [errno = 0] = await device.call(calls);
      if (errno === 0 || this.over) {
        this.shown(plan);
        return;
      }
      if (plan.kind === 'created' && errno === Errno.EEXIST) {
        // Somebody looked it up before: the name stays, and its content is told.
        const again = contentCalls(this.pathOf(plan.at), mask, plan.node.type === S_IFREG);
        if (again.length > 0) await device.call(again);
      } else this.withoutEcho(plan);
    } finally {
      this.current = undefined;
    }
  }

  /** The kernel has the names as the plan leaves them. */
  private shown(plan: Plan): void {
    const spot = plan.kind === 'renamed' ? plan.to : plan.at;
    const name = spot.parent.children.get(spot.key);
    if (plan.kind !== 'deleted' && name?.node === plan.node && plan.node.nlookup > 0n) name.shown = true;
  }

  private callsFor(plan: Plan, mask: number): EchoCall[] {
    const path = this.pathOf(plan.at);
    switch (plan.kind) {
      case 'created': {
        const isFile = plan.node.type === S_IFREG;
        const content = isFile ? contentCalls(path, plan.size > 0n ? mask : mask & ~In.MODIFY, true) : [];
        const name = plan.at.parent.children.get(plan.at.key);
        if (name?.shown === true && name.node === plan.node) {
          return isFile
            ? contentCalls(path, mask, true)
            : mask & In.ATTRIB
              ? [{ call: 'attributes', path }]
              : [];
        }
        return [this.creation(plan.node, path), ...content];
      }
      case 'replaced': {
        const name = plan.at.parent.children.get(plan.at.key);
        if (name?.shown === true && name.node === plan.node)
          return contentCalls(path, mask, plan.node.type === S_IFREG);
        return [{ call: 'rename', path: this.pathBelow(STAGE_PATH), to: path }];
      }
      case 'deleted':
        return [{ call: plan.node.type === S_IFDIR ? 'rmdir' : 'unlink', path }];
      case 'renamed': {
        const to = this.pathOf(plan.to);
        const name = plan.to.parent.children.get(plan.to.key);
        if (name?.shown !== true || name.node !== plan.node) return [{ call: 'rename', path, to }];
        // Somebody looked up the new name already; two names of one file are not renamed to each other.
        const isFile = plan.node.type === S_IFREG;
        const found = isFile ? contentCalls(to, mask, true) : [{ call: 'attributes', path: to } as const];
        return [{ call: plan.node.type === S_IFDIR ? 'rmdir' : 'unlink', path }, ...found];
      }
      case 'written':
        return contentCalls(path, mask, true);
      case 'attributes':
        return mask & In.ATTRIB ? [{ call: 'attributes', path }] : [];
    }
  }

  private creation(node: Node, path: Uint8Array): EchoCall {
    const mode = node.seen?.mode ?? node.attr?.value.mode ?? node.type | 0o600;
    if (node.type === S_IFDIR) return { call: 'mkdir', path, mode: mode & 0o7777, rdev: 0 };
    if (node.type === S_IFLNK) return { call: 'symlink', path, target: Buffer.from('x') };
    // A device needs rights to be made that a user does not have; what the kernel shows is what it is told, if it lets us.
    const rdev = node.type === S_IFCHR || node.type === S_IFBLK ? (node.seen?.rdev ?? 0) : 0;
    return { call: 'mknod', path, mode, rdev };
  }

  private pathOf(spot: Spot): Uint8Array {
    return this.pathBelow(spot.path);
  }

  private pathBelow(relative: Buffer): Uint8Array {
    return Buffer.concat([Buffer.from(this.mount.options.directory), SLASH, relative]);
  }

  // Answers to the echo thread -----------------------------------------------------------------------------------

  /** The request is the echo thread's own: the host has nothing to do with it. */
  isEcho(call: Call | undefined): boolean {
    const { echoThread } = this.mount.device;
    return call !== undefined && echoThread !== 0 && call.header.pid === echoThread;
  }

  lookup(call: Call, parent: Node, key: string): OutOf<'LOOKUP'> | undefined {
    if (!this.isEcho(call)) return undefined;
    const plan = this.current;
    if (plan === undefined) return undefined;
    if (parent === this.mount.nodes.root && key === STAGE) return this.entry(this.stageNode());
    if (parent === this.stage) return this.entry(plan.node);
    if (isAt(plan.at, parent, key)) {
      if (plan.kind !== 'created') return this.entry(plan.kind === 'replaced' ? plan.old : plan.node);
      const name = parent.children.get(key);
      return name?.shown === true ? this.entry(plan.node, name) : absentOut(0);
    }
    if (plan.kind === 'renamed' && isAt(plan.to, parent, key)) {
      return plan.target === undefined ? absentOut(0) : this.entry(plan.target);
    }
    // On the way there the kernel is answered what it was told.
    const name = parent.children.get(key);
    return name?.node === undefined ? undefined : this.entry(name.node, name);
  }

  takes(call: Call, _parent: Node, _key: string): boolean {
    return this.isEcho(call);
  }

  made(call: Call, parent: Node, key: string): OutOf<'LOOKUP'> | undefined {
    if (!this.isEcho(call) || this.current === undefined) return undefined;
    const name = parent.children.get(key);
    return this.entry(this.current.node, name?.node === this.current.node ? name : undefined);
  }

  attributes(call: Call, node: Node): OutOf<'SETATTR'> | undefined {
    return this.isEcho(call) ? attrOut(this.mount, node, this.attrOf(node), 0) : undefined;
  }

  /** What is known of a node's attributes, for an answer to the echo thread; believed for no time. */
  attrOf(node: Node): Attr {
    const { root } = this.mount.options;
    const attr = node.attr?.value ?? node.seen ?? root.attr;
    return { ...attr, mode: (attr.mode & ~S_IFMT) | node.type };
  }

  private entry(node: Node, name?: Name): OutOf<'LOOKUP'> {
    const { mount } = this;
    mount.nodes.hold(node);
    const ms = name === undefined ? 0 : mount.host.nameMs(name);
    if (name !== undefined) name.shown = true;
    const { seconds, ns } = validity(ms);
    return {
      nodeid: node.id,
      generation: 0n as never,
      entry_valid: seconds,
      entry_valid_nsec: ns,
      attr_valid: 0n,
      attr_valid_nsec: 0,
      attr: shownAttr(mount, node, this.attrOf(node)),
    };
  }

  private stageNode(): Node {
    const { nodes } = this.mount;
    this.stage ??= this.mount.tombstone(nodes.root, true);
    return this.stage;
  }
}

interface Picture {
  readonly directory: Node;
  readonly names: ReadonlyMap<string, { readonly node: Node; readonly attr: Attr | undefined }>;
}

const SLASH = Buffer.from('/');
const STAGE_PATH = Buffer.from(`${STAGE}/${STAGED}`);

function isAt(spot: Spot, parent: Node, key: string): boolean {
  return spot.parent === parent && spot.key === key;
}

/** What tells of content that changed: MODIFY, and that whoever wrote has closed. */
function contentCalls(path: Uint8Array, mask: number, isFile: boolean): EchoCall[] {
  const calls: EchoCall[] = [];
  if (isFile && mask & In.MODIFY) calls.push({ call: 'written', path });
  if (isFile && mask & OPENED) calls.push({ call: 'closeWrite', path });
  return calls;
}

function contentDiffers(a: Attr, b: Attr): boolean {
  return a.size !== b.size || a.mtime !== b.mtime || a.mtimensec !== b.mtimensec;
}

function attributesDiffer(a: Attr, b: Attr): boolean {
  return a.ctime !== b.ctime || a.ctimensec !== b.ctimensec || a.mode !== b.mode;
}
