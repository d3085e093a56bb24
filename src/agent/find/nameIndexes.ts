import { messageOf } from '../../base/errors';
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { SuperblockId } from '../../protocol/brand';
import { ErrnoError } from '../../protocol/errno';
import type { FindQuery } from '../../protocol/find';
import type { FsEvent } from '../../protocol/events';
import { MARK_SUBTREE } from '../../protocol/livemount';
import { In, IN_RENAME } from '../../protocol/mask';
import type { Mask } from '../../protocol/brand';
import type { HostMounts } from '../../server/host/hostFs';
import type { WatchService, WatchSession } from '../../server/watch/contract';
import type { RankedName } from './nameList';
import type { NameChange, NamesCommand, NamesReport } from './namesJob';
import { bytesText } from './globs';

/** Lists of one agent; the one that was asked least lately goes first. */
const LISTS_MAX = 4;
const NAMES_MAX = 2_000_000;
/** A list that nobody asks is let go, with its watch; the process goes with the last one. */
const IDLE_MS = 10 * 60_000;
/** How long a question waits for the list to be made, before it is answered with what there is. */
const PATIENCE_MS = 200;
/** Without a watch a list is true for a moment only. */
const UNWATCHED_MS = 5000;
/** Names that come and go; and writes, for those to ignore files change what is left out. */
const NAMES_CHANGE = (In.CREATE |
  In.DELETE |
  In.MOVED_FROM |
  In.MOVED_TO |
  In.DELETE_SELF |
  In.MOVE_SELF |
  In.MODIFY |
  In.CLOSE_WRITE) as Mask;
const WRITTEN = In.MODIFY | In.CLOSE_WRITE;
const IGNORE_FILE = /(?:^|\/)\.(?:rgignore|ignore|gitignore)$/;

const FROM_SOURCE = __filename.endsWith('.ts');
const PROGRAM = FROM_SOURCE ? join(__dirname, 'namesProcess.ts') : __filename;
const LOADER = FROM_SOURCE ? ['--require', 'tsx/cjs'] : [];

export interface NameIndexesOptions {
  readonly mounts: HostMounts;
  readonly watches: WatchService;
  readonly log: (message: string) => void;
}

/** Lists the files of a tree: the parts that are listed, and their names in batches. */
export type ListNames = (
  query: FindQuery,
  root: Buffer,
  signal: AbortSignal,
  names: (names: readonly string[]) => void,
) => Promise<void>;

/** The filesystems of a tree, with the places of their roots below it; '' for the one that holds it. */
export type ListParts = (
  root: Buffer,
  query: FindQuery,
) => readonly {
  readonly sb: SuperblockId;
  readonly path: string;
  readonly isSlow: boolean;
  readonly below: Buffer;
}[];

export interface NamesAnswer {
  readonly names: readonly RankedName[];
  readonly size: number;
  readonly building: boolean;
  readonly full: boolean;
}

/**
 * Lists of names, kept by root and by what is left out, made once in the background and kept true by the events that the
 * agent has: a question costs no walk.
 */
export class NameIndexes {
  private readonly lists = new Map<string, NameIndex>();
  private process: NamesProcess | undefined;

  constructor(
    private readonly options: NameIndexesOptions,
    private readonly list: ListNames,
    private readonly parts: ListParts,
  ) {}

  async ask(root: Buffer, query: FindQuery): Promise<NamesAnswer> {
    const { globs, hidden, ignoreFiles } = query;
    const key = JSON.stringify([root.toString('latin1'), globs, hidden, ignoreFiles]);
    let index = this.lists.get(key);
    if (index === undefined || index.isOutdated) {
      index?.dispose();
      index = new NameIndex(root, query, this.started(), this.options, this.list, this.parts);
    }
    // The newest is the last.
    this.lists.delete(key);
    this.lists.set(key, index);
    const current = index;
    current.touch(() => this.drop(key, current));
    for (const [oldest, least] of this.lists) {
      if (this.lists.size <= LISTS_MAX) break;
      this.drop(oldest, least);
    }
    return index.ask(query.pattern, query.results);
  }

  dispose(): void {
    for (const [key, index] of [...this.lists]) this.drop(key, index);
  }

  private drop(key: string, index: NameIndex): void {
    if (this.lists.get(key) === index) this.lists.delete(key);
    index.dispose();
    if (this.lists.size > 0) return;
    this.process?.dispose();
    this.process = undefined;
  }

  private started(): NamesProcess {
    if (this.process === undefined || this.process.hasEnded) this.process = new NamesProcess();
    return this.process;
  }
}

class NameIndex {
  private readonly id: number;
  private readonly ending = new AbortController();
  private readonly sessions: WatchSession[] = [];
  /** Changes that came while the list is made: a folder was perhaps listed before them. */
  private early: NameChange[] | undefined = [];
  private watched = true;
  private madeAt = Number.POSITIVE_INFINITY;
  private stale = false;
  private readonly made: Promise<void>;
  private readonly ignoreFiles: boolean;
  private idle: NodeJS.Timeout | undefined;

  constructor(
    private readonly root: Buffer,
    query: FindQuery,
    private readonly process: NamesProcess,
    private readonly options: NameIndexesOptions,
    private readonly list: ListNames,
    private readonly parts: ListParts,
  ) {
    const { hidden, ignoreFiles } = query;
    this.ignoreFiles = ignoreFiles;
    const open = {
      root: root.toString('latin1'),
      globs: query.globs.map(bytesText),
      hidden,
      ignoreFiles,
      most: NAMES_MAX,
    };
    this.id = process.open(open, () => {
      this.stale = true;
    });
    this.made = this.make(query).catch((error: unknown) => {
      this.stale = true;
      options.log(`list of names: ${messageOf(error)}`);
    });
  }

  /** It is not known to be true any more. */
  get isOutdated(): boolean {
    return (
      this.stale || this.process.hasEnded || (!this.watched && performance.now() - this.madeAt > UNWATCHED_MS)
    );
  }

  touch(expired: () => void): void {
    clearTimeout(this.idle);
    this.idle = setTimeout(expired, IDLE_MS);
    this.idle.unref();
  }

  async ask(pattern: string, count: number): Promise<NamesAnswer> {
    await Promise.race([this.made, new Promise<void>((resolve) => setTimeout(resolve, PATIENCE_MS).unref())]);
    const building = this.early !== undefined;
    const answer = await this.process.ask(this.id, pattern, count);
    return { ...answer, building };
  }

  dispose(): void {
    clearTimeout(this.idle);
    this.ending.abort();
    for (const session of this.sessions) session.dispose();
    this.process.close(this.id);
  }

  private async make(query: FindQuery): Promise<void> {
    // First the watch: what changes from then on is told.
    await this.watch(query);
    await this.list(query, this.root, this.ending.signal, (names) => this.process.add(this.id, names));
    const early = this.early ?? [];
    this.early = undefined;
    this.madeAt = performance.now();
    this.process.change(this.id, early);
  }

  private async watch(query: FindQuery): Promise<void> {
    const session = this.options.watches.open();
    this.sessions.push(session);
    const parts = new Map(this.parts(this.root, query).map((part) => [part.sb, part]));
    session.attach(
      {
        events: (sb, events) => {
          const part = parts.get(sb);
          if (part !== undefined) this.take(events, part);
          return true;
        },
        // A mount that comes or goes is another tree.
        mount: ({ sb, mountpoint }) => {
          const isBelow = mountpoint
            .toString('latin1')
            .startsWith(`${this.root.toString('latin1').replace(/\/$/, '')}/`);
          if (isBelow && this.early === undefined && !parts.has(sb)) this.stale = true;
        },
        fsError: () => undefined,
      },
      new Map(),
    );
    for (const { sb, below } of parts.values()) {
      const marks = [{ path: below, mask: NAMES_CHANGE, flags: MARK_SUBTREE, excludes: [] }];
      await session.update(sb, 1n, marks, false).catch((error: unknown) => {
        this.watched = false;
        this.options.log(`names are not watched: ${messageOf(error)}`);
      });
    }
  }

  private take(
    events: readonly FsEvent[],
    {
      path: part,
      isSlow,
      below,
    }: { readonly path: string; readonly isSlow: boolean; readonly below: Buffer },
  ): void {
    const changes: NameChange[] = [];
    const placed = (path: Buffer): string | undefined => {
      // Below the mark, and from there below the root of the search.
      const rest = path.toString('latin1');
      const mark = below.toString('latin1');
      if (mark !== '' && rest !== mark && !rest.startsWith(`${mark}/`)) return undefined;
      const inPart = mark === '' ? rest : rest.slice(mark.length + 1);
      return [part, inPart].filter((piece) => piece !== '').join('/');
    };
    for (const { mask, path, path2 } of events) {
      if ((mask & In.Q_OVERFLOW) !== 0) {
        this.stale = true;
        continue;
      }
      if ((mask & WRITTEN) !== 0) {
        if (this.ignoreFiles && IGNORE_FILE.test(path.toString('latin1'))) this.stale = true;
        continue;
      }
      const isFolder = (mask & In.ISDIR) !== 0;
      const change = (kind: NameChange['kind'], at: Buffer | undefined) => {
        const place = at === undefined ? undefined : placed(at);
        if (place === '') this.stale = true;
        else if (place !== undefined) changes.push({ kind, path: place, isFolder, mayLook: !isSlow });
      };
      if ((mask & IN_RENAME) === IN_RENAME) {
        change('gone', path);
        change('appeared', path2);
      } else if ((mask & (In.DELETE | In.MOVED_FROM | In.DELETE_SELF | In.MOVE_SELF)) !== 0)
        change('gone', path);
      else if ((mask & (In.CREATE | In.MOVED_TO)) !== 0) change('appeared', path);
      if (isSlow && isFolder) this.stale = true;
    }
    if (this.early !== undefined) this.early.push(...changes);
    else if (changes.length > 0) this.process.change(this.id, changes);
    // A storm while the list is made: it is made anew.
    if ((this.early?.length ?? 0) > NAMES_MAX) this.stale = true;
  }
}

/** The process with the lists. */
class NamesProcess {
  private readonly child: ChildProcess;
  private readonly questions = new Map<
    number,
    { answered(answer: NamesReport): void; failed(error: Error): void }
  >();
  private readonly stales = new Map<number, () => void>();
  private next = 1;
  hasEnded = false;

  constructor() {
    this.child = fork(PROGRAM, ['names'], {
      execArgv: LOADER,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.child.on('message', (report: NamesReport) => {
      if ('stale' in report) this.stales.get(report.stale)?.();
      else this.questions.get(report.question)?.answered(report);
    });
    const ended = () => {
      this.hasEnded = true;
      for (const { failed } of [...this.questions.values()]) failed(lost());
    };
    this.child.once('error', ended);
    this.child.once('exit', ended);
    this.child.unref();
    this.child.channel?.unref();
  }

  open(open: Extract<NamesCommand, { open: unknown }>['open'], stale: () => void): number {
    const list = this.next++;
    this.stales.set(list, stale);
    this.send({ list, open });
    return list;
  }

  add(list: number, add: readonly string[]): void {
    this.send({ list, add });
  }

  change(list: number, changes: readonly NameChange[]): void {
    this.send({ list, changes });
  }

  close(list: number): void {
    this.stales.delete(list);
    this.send({ list, close: true });
  }

  ask(list: number, pattern: string, count: number): Promise<Omit<NamesAnswer, 'building'>> {
    const question = this.next++;
    return new Promise((resolve, reject) => {
      if (this.hasEnded) {
        reject(lost());
        return;
      }
      this.questions.set(question, {
        answered: (report) => {
          this.questions.delete(question);
          if ('names' in report) resolve({ names: report.names, size: report.size, full: report.full });
        },
        failed: (error) => {
          this.questions.delete(question);
          reject(error);
        },
      });
      this.send({ list, question, pattern, count });
    });
  }

  dispose(): void {
    this.child.kill('SIGKILL');
  }

  private send(command: NamesCommand): void {
    if (this.child.connected) this.child.send(command, () => {}); // Its exit says what a failed send would.
  }
}

function lost(): ErrnoError {
  return new ErrnoError('EIO', 'the process with the list of names ended by itself');
}
