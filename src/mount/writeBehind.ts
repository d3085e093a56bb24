import { CompoundRequest, type Part } from '../client/session/compoundRequest';
import { asError, messageOf } from '../base/errors';
import { Errno, ErrnoError } from '../protocol/errno';
import { type Attr, GETATTR_FH } from '../protocol/fuse';
import { COMPOUND_MAX, type Version } from '../protocol/livemount';
import type { Request } from '../protocol/message';
import type { OpName, OutOf } from '../protocol/opcodes';
import { OpenFlag } from '../protocol/openFlags';
import { timeNs, versionOf } from '../protocol/attributes';
import type { NodeId } from '../protocol/brand';
import type { Call } from './call';
import type { OpenFile } from './handles';
import type { Mount } from './mount';
import type { Node } from './nodes';
import { sameContent } from './ops/files';

/** What one frame carries, in bytes: the most that the host takes in one. */
const FRAME_BYTES = 1 << 20;
/** What is written waits so long for more, or for who closes the file, in ms. */
const GATHER_MS = 10;
/** Frames of one file that are under way at once: a link with delay is filled. */
const FLIGHTS_MAX = 8;
/** What programs have written and the host has not acknowledged, of all files, in bytes; beyond it they wait. */
const BEHIND_MAX = 16 << 20;
/** What the smallest write(2) costs us to keep, in bytes. */
const PIECE_COST = 512;
/** How often the same bytes are written at the same place when the agent was lost under way. */
const TRIES = 4;
/** FUSE_WRITE_CACHE: the kernel writes a page that a program has mapped. (linux/fuse.h) */
const WRITE_CACHE = 1;

/** What one or more calls of write(2) left, one behind the other. */
interface Piece {
  readonly file: OpenFile;
  fixed: Request<'WRITE'>['in'];
  readonly parts: Buffer[];
  length: number;
  cost: number;
  /** Nobody adds to it: somebody waits for it. */
  sealed: boolean;
  readonly landed: Promise<void>;
  readonly land: () => void;
}

/** What of a file the host does not have yet. */
export interface Behind {
  readonly pieces: Piece[];
  readonly flights: Set<readonly Piece[]>;
  timer: NodeJS.Timeout | undefined;
  /** Pieces are sent as soon as there is room. */
  pressed: boolean;
  /** Frames were under way side by side: whose attributes are the last is not known. */
  mixed: boolean;
  latest: Attr | undefined;
  /** Somebody else wrote the file since it was looked at last. */
  isForeign: boolean;
}

/** One more request in the frame that carries the data. */
export interface Tail<K extends OpName> {
  readonly add: (frame: CompoundRequest, fh: OpenFile['fh'], remote: NodeId) => Part<K>;
  readonly deadlineMs?: number;
}

/**
 * Writing behind the programs, as NFS does: write(2) ends when its data is here, and several calls travel in one frame.
 * The host has it after a moment, and before a program closes the file, syncs it, locks or renames it, or asks for its
 * attributes or its content; what went wrong is told at the next of write, fsync and close. A dropped link loses nothing.
 */
export class WriteBehind {
  private cost = 0;
  private readonly waiting = new Set<() => void>();
  private readonly nodes = new Set<Node>();

  constructor(
    private readonly mount: Mount,
    private readonly gatherMs = GATHER_MS,
  ) {}

  /** May be answered before the host has it. */
  mayWait(file: OpenFile, request: Request<'WRITE'>): boolean {
    const synchronous = OpenFlag.SYNC | OpenFlag.DSYNC | OpenFlag.DIRECT;
    return (file.flags & synchronous) === 0 && (request.in.write_flags & WRITE_CACHE) === 0;
  }

  /** Takes the data of a write(2). Throws what became of an earlier one; ECANCELED for who waits for room too long. */
  async write(file: OpenFile, request: Request<'WRITE'>, call: Call): Promise<void> {
    this.tell(file);
    while (this.cost >= BEHIND_MAX) await unlessAborted(this.room(), call.signal);
    this.tell(file);
    const { node } = file;
    const behind = this.behindOf(node);
    const { data } = request;
    this.add(behind, file, request.in, data);
    this.cost += data.length + PIECE_COST;
    node.attr = undefined;
    const { seen } = node;
    const end = request.in.offset + BigInt(data.length);
    if (seen !== undefined && end > seen.size) node.seen = { ...seen, size: end };
    if (sumOf(behind.pieces) >= FRAME_BYTES) this.send(node, behind);
    else behind.timer ??= setTimeout(() => this.send(node, behind), this.gatherMs);
  }

  /** Waits until the host has what was written to a node before the call. ECANCELED for who waits too long. */
  async flush(node: Node, call: Call | undefined): Promise<void> {
    const { behind } = node;
    if (behind === undefined) return;
    const pieces = [...behind.pieces, ...[...behind.flights].flat()];
    for (const piece of pieces) piece.sealed = true;
    this.send(node, behind);
    await unlessAborted(Promise.all(pieces.map(({ landed }) => landed)), call?.signal);
  }

  /** The same, and reports to who closes or syncs the file what went wrong. */
  async settle(file: OpenFile, call: Call | undefined): Promise<void> {
    await this.flush(file.node, call);
    this.tell(file);
  }

  /**
   * Carries out a request behind what was written through the file, in the same frame where that is possible. Undefined:
   * the data is on the host, and the request is still to be made.
   */
  async flushWith<K extends OpName>(
    node: Node,
    call: Call,
    tail: Tail<K>,
  ): Promise<{ readonly file: OpenFile; readonly reply: OutOf<K> } | undefined> {
    const { behind } = node;
    if (behind === undefined) return undefined;
    const batch = behind.flights.size === 0 ? this.next(behind) : undefined;
    const [first] = batch ?? [];
    if (batch === undefined || first === undefined || behind.pieces.length > batch.length) {
      await this.flush(node, call);
      return undefined;
    }
    const { file } = first;
    const reply = await unlessAborted(this.fly(node, behind, batch, tail), call.signal);
    if (reply === undefined) return undefined;
    return { file, reply };
  }

  /** Resolves when the host has everything. */
  async drained(): Promise<void> {
    while (this.nodes.size > 0) await Promise.all([...this.nodes].map((node) => this.flush(node, undefined)));
  }

  private tell(file: OpenFile): void {
    const { failure } = file;
    file.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  private behindOf(node: Node): Behind {
    if (node.behind === undefined) {
      node.behind = {
        pieces: [],
        flights: new Set(),
        timer: undefined,
        pressed: false,
        mixed: false,
        latest: undefined,
        isForeign: false,
      };
      this.nodes.add(node);
    }
    return node.behind;
  }

  private add({ pieces }: Behind, file: OpenFile, fixed: Piece['fixed'], data: Buffer): void {
    const last = pieces.at(-1);
    const cost = data.length + PIECE_COST;
    if (
      last !== undefined &&
      !last.sealed &&
      last.file === file &&
      last.length + data.length <= FRAME_BYTES &&
      last.fixed.offset + BigInt(last.length) === fixed.offset &&
      last.fixed.write_flags === fixed.write_flags &&
      last.fixed.lock_owner === fixed.lock_owner
    ) {
      last.parts.push(data);
      last.length += data.length;
      last.cost += cost;
      return;
    }
    let land: () => void = () => undefined;
    const landed = new Promise<void>((resolve) => {
      land = resolve;
    });
    pieces.push({ file, fixed, parts: [data], length: data.length, cost, sealed: false, landed, land });
  }

  /** Sends what waits, as far as frames of the file may be under way; what is left follows when one has landed. */
  private send(node: Node, behind: Behind): void {
    clearTimeout(behind.timer);
    behind.timer = undefined;
    behind.pressed = true;
    for (let batch = this.next(behind); batch !== undefined; batch = this.next(behind)) {
      if (behind.flights.size > 0) behind.mixed = true;
      void this.fly(node, behind, batch, undefined).catch(() => undefined);
    }
    if (behind.pieces.length === 0) behind.pressed = false;
  }

  /** What goes in the next frame: pieces of one file that nothing under way stands in the way of. */
  private next({ pieces, flights }: Behind): readonly Piece[] | undefined {
    const [first] = pieces;
    if (first === undefined || flights.size >= FLIGHTS_MAX) return undefined;
    const batch: Piece[] = [];
    let bytes = 0;
    for (const piece of pieces) {
      bytes += piece.length;
      const fits = bytes <= FRAME_BYTES && batch.length < COMPOUND_MAX - 3;
      if (piece.file !== first.file || !fits) break;
      batch.push(piece);
    }
    const isOrdered =
      isAppend(first.file) || batch.some((piece) => [...flights].flat().some(overlaps(piece)));
    return isOrdered && flights.size > 0 ? undefined : batch;
  }

  private async fly<K extends OpName>(
    node: Node,
    behind: Behind,
    batch: readonly Piece[],
    tail: Tail<K> | undefined,
  ): Promise<OutOf<K> | undefined> {
    behind.pieces.splice(0, batch.length);
    behind.flights.add(batch);
    let refusal: unknown;
    let reply: OutOf<K> | undefined;
    try {
      await this.mount.changing(node, async () => {
        const after = await this.transmit(batch, tail);
        if (after.attr !== undefined) this.reached(node, behind, after.before, after.attr);
        ({ reply, refusal } = after);
      });
    } catch (error) {
      this.failed(node, batch, error);
    } finally {
      behind.flights.delete(batch);
      this.landed(node, behind, batch);
    }
    if (refusal !== undefined) throw refusal;
    return reply;
  }

  /** Writes, in a frame that is sent again where the agent was lost with it: the same bytes at the same place. */
  private async transmit<K extends OpName>(
    batch: readonly Piece[],
    tail: Tail<K> | undefined,
  ): Promise<Landed<K>> {
    const { core, host } = this.mount;
    const file = (batch[0] as Piece).file;
    for (let tries = 1; ; tries++) {
      try {
        return await host.onFile(file, undefined, async (fh, remote) => {
          const frame = new CompoundRequest();
          const left = batch.filter(({ length }) => length > 0);
          const before = frame.add('GETATTR', remote, { getattr_flags: GETATTR_FH, fh });
          const written = left.map((piece) => {
            const data = piece.parts.length === 1 ? (piece.parts[0] as Buffer) : Buffer.concat(piece.parts);
            return frame.add('WRITE', remote, { ...piece.fixed, size: data.length, fh }, { data });
          });
          const look = frame.add('GETATTR', remote, { getattr_flags: GETATTR_FH, fh });
          const more = tail?.add(frame, fh, remote);
          const { deadlineMs } = tail ?? {};
          const result = await core.session.compound(frame, {
            patient: true,
            ...(deadlineMs !== undefined && { deadlineMs }),
          });
          for (const [i, part] of written.entries()) {
            const { size } = result.get(part);
            const piece = left[i] as Piece;
            // A disk that is almost full takes a part; who writes the rest hears why.
            if (size < piece.length) {
              cut(piece, size);
              for (const done of left.slice(0, i)) cut(done, done.length);
              throw new PartWritten();
            }
          }
          const attr = result.has(look) ? result.get(look).attr : undefined;
          const landed = { before: result.get(before).attr, ...(attr !== undefined && { attr }) };
          if (more === undefined) return landed;
          try {
            return { ...landed, reply: result.get(more) };
          } catch (refusal) {
            return { ...landed, refusal };
          }
        });
      } catch (error) {
        const isPart = error instanceof PartWritten;
        // Nobody knows whether what was sent took effect; at a place of its own it may be written once more.
        const isUnsure = error instanceof ErrnoError && error.errno === Errno.ECONNABORTED && !isAppend(file);
        if (tries === TRIES || !(isPart || isUnsure)) throw error;
      }
    }
  }

  /** The host has it: the frame found the file in the one state and left it in the other. */
  private reached(node: Node, behind: Behind, before: Attr, attr: Attr): void {
    const found = versionOf(before);
    // Frames side by side find what the others left half done.
    behind.isForeign ||= !behind.mixed && !this.isKnown(node, found);
    this.mount.nodes.wroteOwn(node, versionOf(attr), found.ctime_ns);
    if (behind.latest === undefined || isLater(attr, behind.latest)) behind.latest = attr;
  }

  /** Who wrote hears of it; what the kernel and we took for the content is not. */
  private failed(node: Node, batch: readonly Piece[], error: unknown): void {
    const { mount } = this;
    for (const { file } of batch) {
      file.failure ??= asError(error);
      if (mount.handles.file(file.fh) === file) continue;
      const bytes = sumOf(batch);
      const place = mount.nodes.pathOf(node) ?? 'a file that has no name any more';
      mount.options.log(`${bytes} bytes of ${place} were not written: ${messageOf(error)}`);
    }
    node.attr = undefined;
    node.pages = undefined;
    mount.nothingAhead(node);
    mount.echo.dropPages(node);
  }

  private landed(node: Node, behind: Behind, batch: readonly Piece[]): void {
    const { mount } = this;
    for (const piece of batch) {
      this.cost -= piece.cost;
      piece.land();
    }
    for (const wake of this.waiting) wake();
    this.waiting.clear();
    if (behind.pieces.length > 0) {
      if (behind.pressed) this.send(node, behind);
      return;
    }
    if (behind.flights.size > 0) return;
    clearTimeout(behind.timer);
    node.behind = undefined;
    this.nodes.delete(node);
    const { latest, mixed, isForeign } = behind;
    if (latest === undefined) return;
    const isElsewhere = batch.some(({ file }) => isAppend(file)) && node.seen?.size !== latest.size;
    mount.changed(node, latest);
    if (isElsewhere || isForeign) {
      // Somebody else wrote, too: what the kernel has is at another place, or old beside what was written here.
      node.pages = undefined;
      mount.echo.dropPages(node);
    }
    // Frames that passed each other: the content is known, how many blocks it takes is asked when somebody wants to know.
    if (mixed) node.attr = undefined;
  }

  /** The content that the kernel's pages belong to, or one that was written here. */
  private isKnown({ pages, own }: Node, found: Version): boolean {
    if (pages === undefined || sameContent(pages, found)) return true;
    return own.some(({ version }) => sameContent(version, found));
  }

  private room(): Promise<void> {
    return new Promise((resolve) => this.waiting.add(resolve));
  }
}

/** What became of a frame. */
interface Landed<K extends OpName> {
  /** The file as the frame found it. */
  readonly before: Attr;
  readonly attr?: Attr;
  readonly reply?: OutOf<K>;
  readonly refusal?: unknown;
}

/** The host took less than it was given. */
class PartWritten extends ErrnoError {
  constructor() {
    super('EIO', 'a part was written');
  }
}

/** Gives up what of a piece the host has. */
function cut(piece: Piece, size: number): void {
  const rest = Buffer.concat(piece.parts).subarray(size);
  piece.parts.splice(0, piece.parts.length, rest);
  piece.length = rest.length;
  piece.fixed = { ...piece.fixed, offset: piece.fixed.offset + BigInt(size) };
}

function isAppend(file: OpenFile): boolean {
  return (file.flags & OpenFlag.APPEND) !== 0;
}

function overlaps(a: Piece): (b: Piece) => boolean {
  return (b) =>
    a.fixed.offset < b.fixed.offset + BigInt(b.length) && b.fixed.offset < a.fixed.offset + BigInt(a.length);
}

function sumOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function isLater(a: Attr, b: Attr): boolean {
  const [one, other] = [timeNs(a.ctime, a.ctimensec), timeNs(b.ctime, b.ctimensec)];
  return one === other ? a.size >= b.size : one > other;
}

/** ECANCELED for who gives up waiting; what it waits for goes on. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const aborted = () => reject(new ErrnoError('ECANCELED'));
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}
