import { messageOf } from '../../base/errors';
import { ErrnoError } from '../../protocol/errno';
import {
  encodeFindEnd,
  encodeFound,
  encodeFoundRecord,
  PATH_BYTES_MAX,
  decodeFind,
  type FindEnd,
  type FindQuery,
  type FoundRecord,
} from '../../protocol/find';
import {
  FIND_BAD_PATTERN,
  FIND_BUILDING,
  FIND_BY_RIPGREP,
  FIND_LIMITED,
  FIND_OUT_OF_TIME,
  FoundNote,
  MOUNT_HIDDEN,
} from '../../protocol/livemount';
import { Notify } from '../../protocol/opcodes';
import type { Request } from '../../protocol/message';
import type { Handlers, ClientState } from '../../server/connection/handler';
import type { HostMount, HostMounts, OperationContext } from '../../server/host/hostFs';
import type { WatchService } from '../../server/watch/contract';
import { bytesText } from './globs';
import type { FindJob } from './findJob';
import type { FoundFile, FoundNote as Note } from './found';
import { Selection } from './ignore';
import { expressionOf, PatternError, type TextQuery } from './pattern';
import { NameIndexes } from './nameIndexes';
import { type PartListener, searchPart } from './part';
import type { RipgrepProgram } from './ripgrepProgram';
import { wayTo } from './walk';

export interface FindsOptions {
  readonly mounts: HostMounts;
  readonly watches: WatchService;
  /** Undefined: our own engine searches. */
  readonly ripgrep: RipgrepProgram | undefined;
  readonly log: (message: string) => void;
  /** How long a filesystem that may keep a caller waiting may be silent, in ms. */
  readonly silenceMs?: number;
}

/** A filesystem that is not known to be local is given up after so long without a sign of life; a local one is only slow. */
const SILENCE_MS = 10_000;
const LOCAL_SILENCE_MS = 120_000;
/** One search at most, in ms. */
const TIME_MAX_MS = 10 * 60_000;
/** Results of one search at most, whatever is asked for, and their bytes. */
const RESULTS_MAX = 1_000_000;
const BYTES_MAX = 64 << 20;
/** Ranked names of one answer at most. */
const RANKED_MAX = 1000;
/** Larger files are not searched. */
const FILE_BYTES_MAX = 256 << 20;
const FILE_MS = 2000;
/** Bytes of one notification: other answers go between two of them. */
const BATCH_BYTES = 48 << 10;
/** Matches of one record: with previews of 900 bytes at most they are far below what a frame holds. */
const RECORD_MATCHES = 256;
/** What waits does not wait longer than that. */
const BATCH_MS = 30;
/** Filesystems that are searched at the same time. */
const PARTS_AT_ONCE = 4;
/** What was left out is told so often; more is counted by nobody. */
const NOTES_MAX = 500;
/** Searches of all sessions that run at a time; the next wait for one to end. */
const SEARCHES_AT_ONCE = 4;

const NOTES = {
  unreadable: FoundNote.UNREADABLE,
  silent: FoundNote.SILENT,
  endless: FoundNote.ENDLESS,
  large: FoundNote.LARGE,
} as const satisfies Record<Note['kind'], number>;

/** A tree that is to be searched, in parts of one filesystem each. */
export interface Part {
  readonly mount: HostMount;
  /** Below the root, as latin1. */
  readonly path: string;
}

/** SEARCH and FILES: what is found is told as it is found, and the reply comes behind it. */
export class Finds {
  readonly handlers: Handlers = {
    SEARCH: (session, request, context) => this.search(session, request, context),
    FILES: (session, request, context) => this.files(session, request, context),
  };
  private readonly indexes: NameIndexes;
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly options: FindsOptions) {
    this.indexes = new NameIndexes(
      options,
      (query, root, signal, names) => this.list(root, query, signal, names),
      (root, query) => watchedParts(options.mounts, root, query),
    );
  }

  dispose(): void {
    this.indexes.dispose();
  }

  private async search(
    session: ClientState,
    request: Request<'SEARCH'>,
    context: OperationContext,
  ): Promise<Buffer> {
    const query = decodeFind(request.in, request.data);
    const bad = badQuery(query);
    if (bad !== undefined) return encodeFindEnd(bad);
    const text: TextQuery = query;
    return this.run(session, request, context, query, text);
  }

  private async files(
    session: ClientState,
    request: Request<'FILES'>,
    context: OperationContext,
  ): Promise<Buffer> {
    const query = decodeFind(request.in, request.data);
    const bad = badGlobs(query);
    if (bad !== undefined) return encodeFindEnd(bad);
    if (query.ranked) return this.ranked(session, request, query);
    return this.run(session, request, context, query, undefined);
  }

  private async ranked(session: ClientState, request: Request<'FILES'>, query: FindQuery): Promise<Buffer> {
    const root = rootOf(session, request);
    const results = Math.min(query.results, RANKED_MAX);
    const { names, size, building, full } = await this.indexes.ask(root, { ...query, results });
    const telling = new Telling(session, request.in.id, results, new AbortController());
    for (const { path, score } of names) telling.name(path, score);
    telling.flush();
    const flags = (building ? FIND_BUILDING : 0) | (full ? FIND_LIMITED : 0);
    return encodeFindEnd({ ...telling.end(), flags, files: BigInt(size) });
  }

  /** All names of a tree, for a list that is kept. */
  private async list(
    root: Buffer,
    query: FindQuery,
    signal: AbortSignal,
    names: (names: readonly string[]) => void,
  ): Promise<void> {
    const listener = { found: () => {}, names, note: () => {}, room: async () => {} };
    await this.parts(root, query, undefined, listener, signal);
  }

  private async run(
    session: ClientState,
    request: Request<'SEARCH' | 'FILES'>,
    context: OperationContext,
    query: FindQuery,
    text: TextQuery | undefined,
  ): Promise<Buffer> {
    const { signal } = context;
    const root = rootOf(session, request);
    // What was found for somebody who is gone is of no use to anybody.
    const ending = new AbortController();
    const abort = () => ending.abort();
    if (signal?.aborted) ending.abort();
    signal?.addEventListener('abort', abort, { once: true });
    await this.enter(ending.signal);
    const telling = new Telling(session, request.in.id, Math.min(query.results, RESULTS_MAX), ending);
    const timer = setTimeout(() => {
      telling.outOfTime = true;
      ending.abort();
    }, TIME_MAX_MS);
    try {
      const { files, flags } = await this.parts(root, query, text, telling, ending.signal);
      if (signal?.aborted) throw new ErrnoError('EINTR', 'the client gave up');
      telling.flush();
      return encodeFindEnd({ ...telling.end(), files, flags: flags | telling.flags });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      telling.dispose();
      this.leave();
    }
  }

  /** Searches each filesystem in the tree by itself; those that may keep a caller waiting begin last. */
  private async parts(
    root: Buffer,
    query: FindQuery,
    text: TextQuery | undefined,
    telling: PartListener,
    signal: AbortSignal,
  ): Promise<{ readonly files: bigint; readonly flags: number }> {
    const parts = partsOf(this.options.mounts, root, query);
    const others = mountsBelow(this.options.mounts, root).map(({ path }) => path);
    const program = text === undefined ? undefined : await this.options.ripgrep?.find();
    const queue = [...parts].sort((a, b) => Number(isSlow(a.mount)) - Number(isSlow(b.mount)));
    let files = 0;
    let flags = 0;
    const next = async (): Promise<void> => {
      for (let part = queue.shift(); part !== undefined && !signal.aborted; part = queue.shift()) {
        const { path } = part;
        const job: FindJob = {
          query: text === undefined ? undefined : plainQuery(text),
          latin1: query.latin1,
          root: root.toString('latin1'),
          part: path,
          others: others.filter((other) => other !== path && (path === '' || other.startsWith(`${path}/`))),
          globs: query.globs.map(bytesText),
          hidden: query.hidden,
          ignoreFiles: query.ignoreFiles,
          fileBytesMax: FILE_BYTES_MAX,
          fileMs: FILE_MS,
        };
        const silenceMs = isSlow(part.mount) ? (this.options.silenceMs ?? SILENCE_MS) : LOCAL_SILENCE_MS;
        try {
          const end = await searchPart({ job, ripgrep: program, silenceMs, signal }, telling);
          files += end.files;
          if (end.byRipgrep) flags |= FIND_BY_RIPGREP;
        } catch (error) {
          if (signal.aborted) return;
          this.options.log(`search of ${root.toString()}: ${messageOf(error)}`);
          telling.note({ path, kind: 'unreadable' });
        }
      }
    };
    await Promise.all(Array.from({ length: PARTS_AT_ONCE }, next));
    return { files: BigInt(files), flags };
  }

  private async enter(signal: AbortSignal): Promise<void> {
    while (this.running >= SEARCHES_AT_ONCE) {
      if (signal.aborted) throw new ErrnoError('EINTR', 'the client gave up');
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.running++;
  }

  private leave(): void {
    this.running--;
    this.waiting.shift()?.();
  }
}

/** Sends what is found, in batches, not faster than the channel takes it. */
class Telling {
  outOfTime = false;
  private limited = false;
  private batches = 0;
  private results = 0;
  private sentBytes = 0;
  private notes = 0;
  private batch: Buffer[] = [];
  private batchBytes = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly session: ClientState,
    private readonly id: bigint,
    private readonly limit: number,
    private readonly ending: AbortController,
  ) {}

  get flags(): number {
    return (this.limited ? FIND_LIMITED : 0) | (this.outOfTime ? FIND_OUT_OF_TIME : 0);
  }

  found({ path, matches, isCut }: FoundFile): void {
    const room = this.limit - this.results;
    if (room <= 0) {
      this.stop();
      return;
    }
    const kept = matches.slice(0, room);
    this.results += kept.length;
    // A file whose matches would fill a frame comes in pieces.
    for (let at = 0; at < kept.length; at += RECORD_MATCHES) {
      if (this.limited && this.ending.signal.aborted) return;
      this.record(path, { matches: kept.slice(at, at + RECORD_MATCHES) });
    }
    // Others are still looked into.
    if (isCut) this.limited = true;
    if (kept.length < matches.length) this.stop();
  }

  names(names: readonly string[]): void {
    for (const name of names) {
      if (this.results >= this.limit) {
        this.stop();
        return;
      }
      this.name(name, 0);
    }
  }

  name(path: string, score: number): void {
    this.results++;
    this.record(path, { score });
  }

  note({ path, kind }: Note): void {
    if (this.notes++ >= NOTES_MAX || this.ending.signal.aborted) return;
    this.record(path, { note: NOTES[kind] });
  }

  /** Waits while the channel has as much as it should hold before other answers. */
  async room(): Promise<void> {
    while (this.session.isBusy && !this.ending.signal.aborted)
      await new Promise<void>((resolve) => setTimeout(resolve, 10));
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.batch.length === 0) return;
    this.session.notify(Notify.FOUND, encodeFound(this.id, this.batches++, this.batch));
    this.batch = [];
    this.batchBytes = 0;
  }

  end(): FindEnd {
    return {
      batches: this.batches,
      flags: this.flags,
      files: 0n,
      results: this.results,
      message: '',
      at: undefined,
    };
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  /** What lies so deep that no call takes its path is of no use to anybody. */
  private record(path: string, what: Partial<Omit<FoundRecord, 'path'>>): void {
    if (path.length > PATH_BYTES_MAX) return;
    this.add(
      encodeFoundRecord({ matches: [], note: 0, score: 0, ...what, path: Buffer.from(path, 'latin1') }),
    );
  }

  private add(record: Buffer): void {
    this.sentBytes += record.length;
    if (this.sentBytes > BYTES_MAX) {
      this.stop();
      return;
    }
    this.batch.push(record);
    this.batchBytes += record.length;
    // What is found first is told at once.
    if (this.batches === 0 || this.batchBytes >= BATCH_BYTES) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), BATCH_MS);
  }

  private stop(): void {
    this.limited = true;
    this.ending.abort();
  }
}

/** The directory of the host that is searched. */
function rootOf(session: ClientState, request: Request<'SEARCH' | 'FILES'>): Buffer {
  return session.inodes.locate(session.inodes.get(request.header.nodeid)).path;
}

/** What crosses to another process: nothing but the query. */
function plainQuery({ pattern, isRegex, matchCase, wholeWord, multiline }: TextQuery): TextQuery {
  return { pattern, isRegex, matchCase, wholeWord, multiline };
}

function badQuery(query: FindQuery): FindEnd | undefined {
  if (query.pattern === '') return refusal('there is nothing to search for', 0);
  try {
    expressionOf(query);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return refusal(error.message, error.at);
  }
  return badGlobs(query);
}

function badGlobs({ globs }: FindQuery): FindEnd | undefined {
  const selection = Selection.of(globs.map(bytesText));
  if (selection instanceof Selection) return undefined;
  return refusal(
    `the glob ${Buffer.from(selection.bad, 'latin1').toString('utf8')} cannot be read`,
    undefined,
  );
}

function refusal(message: string, at: number | undefined): FindEnd {
  return { batches: 0, flags: FIND_BAD_PATTERN, files: 0n, results: 0, message, at };
}

function isSlow({ kind }: HostMount): boolean {
  return kind !== 'local';
}

/** The mounts that stand below a root and can be seen, with their places below it. */
export function mountsBelow(mounts: HostMounts, root: Buffer): Part[] {
  const prefix = root.length === 1 ? root : Buffer.concat([root, Buffer.from('/')]);
  return mounts
    .list()
    .filter(
      ({ mountpoint, flags }) =>
        (flags & MOUNT_HIDDEN) === 0 &&
        mountpoint.length > prefix.length &&
        mountpoint.subarray(0, prefix.length).equals(prefix),
    )
    .map((mount) => ({ mount, path: mount.mountpoint.toString('latin1', prefix.length) }));
}

/**
 * The filesystems to search: the one that holds the root, and those mounted below it, unless they hold no files of anybody's
 * (proc and its like), are not mounted yet, or lie where the search does not look.
 */
export function partsOf(mounts: HostMounts, root: Buffer, query: FindQuery): Part[] {
  const own = mounts.covering(root);
  const selection = Selection.of(query.globs.map(bytesText));
  if (!(selection instanceof Selection)) return [];
  const below = mountsBelow(mounts, root);
  const isWithinSlow = (path: string) =>
    isSlow(own) || below.some(({ mount, path: above }) => isSlow(mount) && path.startsWith(`${above}/`));
  const wanted = below.filter(({ mount, path }) => {
    if (mount.kind === 'pseudo' || mount.kind === 'autofs') return false;
    // Ignore files are asked only where that cannot keep us waiting.
    const ignoreFiles = query.ignoreFiles && !isWithinSlow(path);
    return (
      wayTo(path, true, { root: root.toString('latin1'), selection, hidden: query.hidden, ignoreFiles }) !==
      undefined
    );
  });
  return [{ mount: own, path: '' }, ...wanted];
}

/** The same as places to be watched: below the root of each superblock, and below the root of the search. */
function watchedParts(mounts: HostMounts, root: Buffer, query: FindQuery) {
  return partsOf(mounts, root, query).map(({ mount, path }) => {
    const { sb, mountpoint } = mount;
    const skipped = mountpoint.length === 1 ? 1 : mountpoint.length + 1;
    return { sb, path, isSlow: isSlow(mount), below: path === '' ? root.subarray(skipped) : Buffer.alloc(0) };
  });
}
