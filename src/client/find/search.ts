import { ErrnoError, Errno } from '../../protocol/errno';
import {
  decodeFindEnd,
  decodeFound,
  encodeFind,
  type FindEnd,
  type FindQuery,
  type FoundRecord,
  type MatchRecord,
} from '../../protocol/find';
import {
  FIND_BAD_PATTERN,
  FIND_BUILDING,
  FIND_BY_RIPGREP,
  FIND_LIMITED,
  FIND_OUT_OF_TIME,
  FoundNote,
} from '../../protocol/livemount';
import { join, type RemotePath } from '../../protocol/paths';
import { isStale } from '../../protocol/errno';
import type { ClientCore } from '../state';
import { isDirectory } from '../tree/inodes';
import { textOf } from '../../protocol/names';

export type TextMatch = MatchRecord;

/** A file in which something was found, or whose name was asked for. */
export interface FoundInFile {
  /** Absolute, below the path that was searched as the caller spelled it. */
  readonly path: string;
  readonly matches: readonly TextMatch[];
  /** Of a ranked name: higher is better. */
  readonly score: number;
}

/** Something that was not searched. */
export interface NotSearched {
  readonly path: string;
  readonly why: 'unreadable' | 'silent' | 'endless' | 'large';
}

export interface SearchListener {
  readonly signal?: AbortSignal | undefined;
  found(files: readonly FoundInFile[]): void;
  notSearched?(what: NotSearched): void;
  /** The link dropped and something was missed: it is searched again, and all that was told is void. */
  restarted?(): void;
}

export interface SearchEnd {
  /** Files searched, or names known, as far as the host says. */
  readonly files: number;
  readonly results: number;
  /** There is more than was asked for, or than the host sends. */
  readonly limited: boolean;
  readonly outOfTime: boolean;
  /** Names: the list is being made. */
  readonly building: boolean;
  readonly byRipgrep: boolean;
}

/** The pattern, or a glob, cannot be read. The message is for people, in the words of the engine. */
export class PatternRefused extends Error {
  override readonly name = 'PatternRefused';

  constructor(
    message: string,
    /** Where in the pattern, in UTF-16 units, if that is known. */
    readonly at: number | undefined,
  ) {
    super(message);
  }
}

const NOT_SEARCHED = new Map<number, NotSearched['why']>([
  [FoundNote.UNREADABLE, 'unreadable'],
  [FoundNote.SILENT, 'silent'],
  [FoundNote.ENDLESS, 'endless'],
  [FoundNote.LARGE, 'large'],
]);

/** The host ends a search after ten minutes; the rest is for the way. */
const DEADLINE_MS = 11 * 60_000;
/** A search that lost something to a dropped link is done again so often. */
const TRIES_MAX = 3;

/** A search that runs, as its notifications see it. */
interface Running {
  readonly listener: SearchListener;
  readonly root: RemotePath;
  /** Results the listener wants at most: an agent of ours sends no more. */
  left: number;
  received: number;
  /** Notifications are missing in between. */
  torn: boolean;
}

/** The searches of one session: who waits for what is found. */
export class Searches {
  private readonly running = new Map<bigint, Running>();
  private next = 1n;

  constructor(private readonly core: ClientCore) {}

  /**
   * Searches below a path; what is found is told in the order in which it comes. Resolves when all was told. PatternRefused
   * for what cannot be searched for; ENOSYS on a host without an agent, ENOTDIR for what is no folder.
   */
  async run(
    op: 'SEARCH' | 'FILES',
    path: RemotePath,
    query: FindQuery,
    listener: SearchListener,
  ): Promise<SearchEnd> {
    for (let tries = 1; ; tries++) {
      const end = await this.attempt(op, path, query, listener);
      if (end !== undefined) return end;
      if (tries === TRIES_MAX)
        throw new ErrnoError('ECONNRESET', 'the connection dropped in each of its tries');
      listener.restarted?.();
    }
  }

  /** A FOUND notification. EIO for one that cannot be. */
  take(body: Buffer): void {
    const { id, seq, records } = decodeFound(body);
    const running = this.running.get(id);
    // Of a search that was given up.
    if (running === undefined) return;
    if (seq === 0 && running.received > 0) {
      // The request was sent again to an agent that knew nothing of it.
      running.received = 0;
      running.torn = false;
      running.listener.restarted?.();
    }
    if (seq !== running.received) running.torn = true;
    running.received++;
    this.tell(running, records);
  }

  /** Undefined if something of it was missed. */
  private async attempt(
    op: 'SEARCH' | 'FILES',
    path: RemotePath,
    query: FindQuery,
    listener: SearchListener,
  ): Promise<SearchEnd | undefined> {
    const { core } = this;
    const id = this.next++;
    const running: Running = { listener, root: path, left: query.results, received: 0, torn: false };
    this.running.set(id, running);
    try {
      const end = await this.ask(op, id, path, query, listener.signal);
      if ((end.flags & FIND_BAD_PATTERN) !== 0) throw new PatternRefused(end.message, end.at);
      if (running.torn || running.received !== end.batches) return undefined;
      return {
        files: Number(end.files),
        results: end.results,
        limited: (end.flags & FIND_LIMITED) !== 0,
        outOfTime: (end.flags & FIND_OUT_OF_TIME) !== 0,
        building: (end.flags & FIND_BUILDING) !== 0,
        byRipgrep: (end.flags & FIND_BY_RIPGREP) !== 0,
      };
    } catch (error) {
      if (!isStale(error)) throw error;
      core.known.drop(path);
      return undefined;
    } finally {
      this.running.delete(id);
    }
  }

  private async ask(
    op: 'SEARCH' | 'FILES',
    id: bigint,
    path: RemotePath,
    query: FindQuery,
    signal: AbortSignal | undefined,
  ): Promise<FindEnd> {
    const { inode } = await this.core.lookup(path, true, signal);
    if (!isDirectory(inode)) throw new ErrnoError(Errno.ENOTDIR, path);
    const { fixed, data } = encodeFind(id, query);
    const reply = await this.core.session.request(op, inode.nodeid, fixed, {
      data,
      signal,
      deadlineMs: DEADLINE_MS,
    });
    return decodeFindEnd(reply);
  }

  private tell(running: Running, records: readonly FoundRecord[]): void {
    const { listener, root } = running;
    const files: FoundInFile[] = [];
    for (const { path, matches, note, score } of records) {
      const place = join(root, textOf(path));
      const why = NOT_SEARCHED.get(note);
      if (why !== undefined) {
        listener.notSearched?.({ path: place, why });
        continue;
      }
      const weight = Math.max(1, matches.length);
      if (running.left < weight) continue;
      running.left -= weight;
      files.push({ path: place, matches, score });
    }
    if (files.length > 0) listener.found(files);
  }
}
