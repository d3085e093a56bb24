import type { Version } from '../../protocol/livemount';
import type { BytePath } from './bytePath';
import type { Change } from './change';

/** A change with its place in the order of all events of the agent. */
export interface JournalEntry {
  readonly seq: bigint;
  readonly timeNs: bigint;
  readonly change: Change;
  /** The session that does not get it, because it made the change. */
  readonly except?: object | undefined;
}

/** Events kept of one superblock. Some 120 bytes each, so 2 MB for a superblock in a storm, nothing for a quiet one. */
export const JOURNAL_EVENTS = 16_384;

/**
 * The changes of one superblock, the newest part. It is the queue of every session: a session has but a cursor in
 * it, so a slow or absent channel costs nothing, and where the journal no longer reaches one record says so.
 */
export class Journal {
  private readonly pages: Page[] = [];
  private count = 0;
  /** The seq of the last event that was dropped; everything after it is here. */
  private droppedSeq: bigint;
  lastSeq: bigint;

  /** `seq`: the newest event of the agent when the superblock began to be watched. */
  constructor(
    seq: bigint,
    private readonly capacity = JOURNAL_EVENTS,
  ) {
    this.droppedSeq = seq;
    this.lastSeq = seq;
  }

  append(entry: JournalEntry): void {
    this.lastSeq = entry.seq;
    let page = this.pages.at(-1);
    if (page === undefined || page.isFull) {
      page = new Page();
      this.pages.push(page);
    }
    page.append(entry);
    if (this.count < this.capacity) this.count++;
    else this.drop();
  }

  /** Every event after `cursor` is still here. */
  reaches(cursor: bigint): boolean {
    return cursor >= this.droppedSeq;
  }

  /** Up to `limit` events after `cursor`, oldest first. */
  after(cursor: bigint, limit: number): JournalEntry[] {
    const events: JournalEntry[] = [];
    for (const page of this.pages) {
      if (page.lastSeq <= cursor) continue;
      for (let i = page.first; i < page.length; i++) {
        if (page.seqAt(i) <= cursor) continue;
        if (events.length === limit) return events;
        events.push(page.at(i));
      }
    }
    return events;
  }

  private drop(): void {
    const [oldest] = this.pages;
    if (oldest === undefined) return;
    this.droppedSeq = oldest.seqAt(oldest.first++);
    if (oldest.first === oldest.length) this.pages.shift();
  }
}

/** Events of one page: small, because a superblock in which little happens has one. */
const PAGE_EVENTS = 64;
/** Of each event: kind, EVENT_* flags, mode, STATE bits, where its path ends in the text, and its new name. */
const HEAD_WORDS = 6;
/** ino, size, mtime_ns, ctime_ns. */
const VERSION_FIELDS = 4;
const TEXT_BYTES = 2048;

const STATE_DIR = 1;
const STATE_SEEN = 2;
const STATE_RENAMED = 4;

/** What few events have. */
type Rest = Pick<JournalEntry, 'except'> & Pick<Change, 'lost'>;

/**
 * Events as columns of numbers and one text with all their paths. As objects, sixteen thousand of them would be carried
 * along by every collection of garbage for as long as a storm lasts.
 */
class Page {
  /** The first event that is not dropped yet. */
  first = 0;
  length = 0;
  private readonly seqs = new BigUint64Array(PAGE_EVENTS);
  private readonly times = new BigInt64Array(PAGE_EVENTS);
  private readonly versions = new BigInt64Array(PAGE_EVENTS * VERSION_FIELDS);
  private readonly heads = new Uint32Array(PAGE_EVENTS * HEAD_WORDS);
  private text = Buffer.allocUnsafeSlow(TEXT_BYTES);
  private textLength = 0;
  private rests: Map<number, Rest> | undefined;

  get isFull(): boolean {
    return this.length === PAGE_EVENTS;
  }

  get lastSeq(): bigint {
    return this.seqAt(this.length - 1);
  }

  seqAt(index: number): bigint {
    return this.seqs[index] ?? 0n;
  }

  append({ seq, timeNs, change, except }: JournalEntry): void {
    const index = this.length++;
    const { kind, flags, seen, path, path2, lost } = change;
    this.seqs[index] = seq;
    this.times[index] = timeNs;
    if (seen !== undefined) this.putVersion(index, seen.version);
    const head = index * HEAD_WORDS;
    this.heads[head] = kind;
    this.heads[head + 1] = flags;
    this.heads[head + 2] = seen?.mode ?? 0;
    this.heads[head + 3] =
      (change.isDir ? STATE_DIR : 0) |
      (seen === undefined ? 0 : STATE_SEEN) |
      (path2 === undefined ? 0 : STATE_RENAMED);
    this.heads[head + 4] = this.write(path);
    this.heads[head + 5] = path2 === undefined ? this.textLength : this.write(path2);
    if (except === undefined && (lost === undefined || lost.length === 0)) return;
    this.rests ??= new Map();
    this.rests.set(index, { ...(except && { except }), ...(lost && { lost }) });
  }

  at(index: number): JournalEntry {
    const head = index * HEAD_WORDS;
    const word = (offset: number) => this.heads[head + offset] ?? 0;
    const state = word(3);
    const { except, lost } = this.rests?.get(index) ?? {};
    const change: Change = {
      kind: word(0),
      path: this.read(index === 0 ? 0 : (this.heads[head - 1] ?? 0), word(4)),
      ...(state & STATE_RENAMED && { path2: this.read(word(4), word(5)) }),
      isDir: (state & STATE_DIR) !== 0,
      seen: state & STATE_SEEN ? { mode: word(2), version: this.versionAt(index) } : undefined,
      flags: word(1),
      ...(lost && { lost }),
    };
    return { seq: this.seqAt(index), timeNs: this.times[index] ?? 0n, change, except };
  }

  private putVersion(index: number, { ino, size, mtime_ns, ctime_ns }: Version): void {
    const at = index * VERSION_FIELDS;
    this.versions[at] = ino;
    this.versions[at + 1] = size;
    this.versions[at + 2] = mtime_ns;
    this.versions[at + 3] = ctime_ns;
  }

  private versionAt(index: number): Version {
    const field = (offset: number) => this.versions[index * VERSION_FIELDS + offset] ?? 0n;
    return { ino: BigInt.asUintN(64, field(0)), size: field(1), mtime_ns: field(2), ctime_ns: field(3) };
  }

  /** Gives where the path ends in the text. */
  private write(path: BytePath): number {
    if (this.textLength + path.length > this.text.length) {
      const larger = Buffer.allocUnsafeSlow((this.textLength + path.length) * 2);
      this.text.copy(larger, 0, 0, this.textLength);
      this.text = larger;
    }
    this.textLength += this.text.write(path, this.textLength, 'latin1');
    return this.textLength;
  }

  private read(start: number, end: number): BytePath {
    return this.text.toString('latin1', start, end) as BytePath;
  }
}
