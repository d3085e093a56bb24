import { CompoundRequest, FILLED_IN } from '../client/session/compoundRequest';
import { COMPOUND_MAX } from '../protocol/livemount';
import { GETATTR_FH, S_IFREG } from '../protocol/fuse';
import { OpenFlag } from '../protocol/openFlags';
import { versionOf } from '../protocol/attributes';
import type { Mount } from './mount';
import type { Node } from './nodes';

/** Files larger than this are not fetched ahead: what is next in them is asked for fast enough by the kernel's readahead. */
const FILE_MAX = 64 << 10;
/** What one guess costs at most, in bytes; the first of a reader costs less. */
const GUESS_MAX = 512 << 10;
const FIRST_GUESS = 64 << 10;
/** What is kept of files that nobody has asked for yet, in bytes. */
const KEPT_MAX = 16 << 20;
/** Opening, attributes, content and closing of a file. */
const PARTS = 4;
/** Files of one directory opened one after the other before the next ones are fetched. */
const STREAK = 2;
/** ... in so short a time, in ms. */
const STREAK_MS = 1000;

/** What was read of a file before somebody asked. */
interface Kept {
  readonly data: Buffer;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

/**
 * Contents ahead of who reads the files of a directory one after the other, a round trip each. After the second file the
 * next ones come along, twice as much with each guess that was right; who opens something else pays for one wrong guess.
 */
export class ContentAhead {
  private readonly kept = new Map<Node, Kept>();
  private bytes = 0;
  private streak: { directory: Node; files: number; at: number } | undefined;
  private budget = FIRST_GUESS;
  private fetching = false;

  constructor(private readonly mount: Mount) {}

  /** The content of a file that was fetched ahead and is what the file holds now; it is kept no longer. */
  take(node: Node): Buffer | undefined {
    const kept = this.kept.get(node);
    if (kept === undefined) return undefined;
    this.drop(node);
    const known = this.mount.host.knownAttr(node);
    if (known === undefined) return undefined;
    const version = versionOf(known.attr);
    if (version.size !== kept.size || version.mtime_ns !== kept.mtimeNs) return undefined;
    this.budget = Math.min(2 * this.budget, GUESS_MAX);
    return kept.data;
  }

  /** A program opens a file to read it: will it read what lies beside it? */
  opened(node: Node): void {
    const directory = [...node.names][0]?.parent;
    const now = performance.now();
    const { streak } = this;
    if (directory === undefined) return;
    if (streak === undefined || streak.directory !== directory || now - streak.at > STREAK_MS) {
      this.streak = { directory, files: 1, at: now };
      this.budget = FIRST_GUESS;
      return;
    }
    streak.files++;
    streak.at = now;
    if (streak.files >= STREAK && !this.fetching) void this.fetch(directory, node);
  }

  /** Something of the file changed. */
  drop(node: Node): void {
    const kept = this.kept.get(node);
    if (kept === undefined) return;
    this.kept.delete(node);
    this.bytes -= kept.data.length;
  }

  private async fetch(directory: Node, after: Node): Promise<void> {
    const files = this.next(directory, after);
    if (files.length === 0) return;
    this.fetching = true;
    try {
      await this.read(files);
    } catch {
      // Whoever opens them asks, and hears why.
    } finally {
      this.fetching = false;
    }
  }

  private async read(files: readonly Node[]): Promise<void> {
    const { mount } = this;
    const { host, core } = mount;
    const [first] = files;
    if (first === undefined) return;
    await host.stamped(async (stamp) => {
      const frame = new CompoundRequest();
      const parts = files.map((node) => {
        const remote = node.remote ?? (0n as never);
        const opened = frame.add('OPEN', remote, {
          flags: OpenFlag.RDONLY | OpenFlag.NONBLOCK,
          open_flags: 0,
        });
        const from = { fh: opened };
        const attr = frame.add('GETATTR', remote, { getattr_flags: GETATTR_FH, fh: FILLED_IN }, { from });
        const wanted = { fh: FILLED_IN, offset: 0n, size: FILE_MAX, read_flags: 0, lock_owner: 0n, flags: 0 };
        const read = frame.add('READ', remote, wanted, { from });
        const closing = { fh: FILLED_IN, flags: 0, release_flags: 0, lock_owner: 0n };
        const closed = frame.add('RELEASE', remote, closing, { from });
        return { node, opened, attr, read, closed };
      });
      const result = await host.compound(first, undefined, () => frame);
      for (const { node, opened, attr, read, closed } of parts) {
        core.returns.closeOpened(result, opened, closed, 'RELEASE');
        if (!result.has(closed)) return;
        const after = result.get(attr).attr;
        const fact = host.factOf(stamp, mount.nodes.pathOf(node));
        if (fact.crossed || node.changing.size > 0) continue;
        mount.learned(node, after, fact, false);
        const data = Buffer.from(result.get(read));
        const version = versionOf(after);
        if (BigInt(data.length) !== version.size) continue;
        node.readable = version.ctime_ns;
        this.keep(node, { data, size: version.size, mtimeNs: version.mtime_ns });
      }
    });
  }

  private keep(node: Node, kept: Kept): void {
    this.drop(node);
    this.kept.set(node, kept);
    this.bytes += kept.data.length;
    for (const oldest of this.kept.keys()) {
      if (this.bytes <= KEPT_MAX) return;
      // Nobody wanted it: the guess is worth less.
      this.drop(oldest);
      this.budget = FIRST_GUESS;
    }
  }

  /** The files behind one in its directory, small ones that the kernel does not have, as many as the budget allows. */
  private next(directory: Node, after: Node): Node[] {
    const { host, core } = this.mount;
    const found: Node[] = [];
    let room = this.budget;
    let isBehind = false;
    for (const { node } of directory.children.values()) {
      if (node === after) isBehind = true;
      if (!isBehind || node === undefined || node === after || node.type !== S_IFREG) continue;
      if (node.remote === undefined || node.epoch !== core.epoch || node.pages !== undefined) continue;
      const known = host.knownAttr(node);
      if (known === undefined || known.attr.size > FILE_MAX || this.kept.has(node)) continue;
      room -= Number(known.attr.size) + 512;
      if (room < 0) break;
      found.push(node);
      if ((found.length + 1) * PARTS > COMPOUND_MAX) break;
    }
    return found;
  }
}
