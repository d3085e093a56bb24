import type { Vfs } from '../../client/vfs';
import { type Disposable, onDispose } from '../../base/dispose';
import { Errno, errnoOf } from '../../protocol/errno';
import type { SuperblockId } from '../../protocol/brand';
import { jsonLine, textLine, type WatchEvent } from '../changeText';
import { type Context, withHost } from '../context';
import { Failure } from '../errors';
import { EventQueue } from '../eventQueue';
import { parseLocation } from '../location';
import { SuperblockNames } from '../superblocks';
import { UsageError } from '../usageError';
import { type Command, ExitCode } from './types';

export const watch: Command = {
  summary: 'print what changes on the host, as it happens, until interrupted',
  operands: [{ word: 'HOST:PATH' }],
  options: ['json', 'exclude', 'no-recursive', 'count'],
  notes: [
    'The first line says "ready": the host has acknowledged the watch, and every change from then on is told. Excludes are applied on the host. A path that does not exist yet can be watched.',
    'A lost connection is made again and what was missed is told; where the host no longer knows, an "overflow" says below which path to look again.',
    'With --json each line is an object with the keys event (ready, create, modify, attrib, delete, rename, overflow, mount, unmount or error), path, to (null but for a rename), isDir, superblock (major:minor@mountid), seq and time (milliseconds since the epoch, on the host’s clock). A path that is no UTF-8 comes in base64 besides, as pathBytes or toBytes.',
  ],
  run(context, [place = '']) {
    const location = parseLocation(place);
    const limit = parseCount(context.flags.count);
    return withHost(context, location, async (vfs, path) => {
      const names = new SuperblockNames(vfs);
      const ended = new Ending(vfs, context.signal);
      const queue = new EventQueue(path);
      const mark = vfs.watch(
        path,
        {
          recursive: context.flags['no-recursive'] !== true,
          excludes: context.flags.exclude ?? [],
          visible: true,
        },
        (changes) => queue.push(changes),
      );
      try {
        await Promise.race([mark.ready, ended.settled]);
        if (!ended.signal.aborted)
          await tell(context, vfs, path, { names, queue, limit, signal: ended.signal });
        ended.throwIfLost();
        return ExitCode.OK;
      } finally {
        mark.dispose();
        ended.dispose();
        names.dispose();
      }
    });
  },
};

function parseCount(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new UsageError(`--count takes a number of events, not ${JSON.stringify(text)}`);
  return Number(text);
}

interface Events {
  readonly names: SuperblockNames;
  readonly queue: EventQueue;
  /** Events to print at most. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

async function tell(
  context: Context,
  vfs: Vfs,
  path: string,
  { names, queue, limit, signal }: Events,
): Promise<void> {
  const print = (event: WatchEvent) => {
    if (event.kind === 'error') context.say(`${event.path}: ${event.message ?? 'the host reports an error'}`);
    return context.stdout.write(context.flags.json ? jsonLine(event, names.of(event.sb)) : textLine(event));
  };
  await print(await readyEvent(context, vfs, path));
  for (let printed = 0; printed < limit && !signal.aborted; ) {
    for (const change of (await queue.take(signal)).slice(0, limit - printed)) {
      if (signal.aborted) return;
      await print(change);
      printed++;
    }
  }
}

async function readyEvent(context: Context, vfs: Vfs, path: string): Promise<WatchEvent> {
  let isDirectory = false;
  let sb = vfs.superblockAt(path)?.mount.sb ?? (0n as SuperblockId);
  try {
    const found = await vfs.stat(path, { signal: context.signal });
    isDirectory = found.kind === 'directory';
    sb = found.sb;
  } catch (error) {
    if (errnoOf(error) !== Errno.ENOENT) throw error;
    context.say(`${path} does not exist yet; it is watched from the moment it does`);
  }
  return { kind: 'ready', path, isDirectory, sb, seq: 0n, timeNs: BigInt(Date.now()) * 1_000_000n };
}

/** Ends a watch: the user's interrupt, or a connection that is given up. */
class Ending implements Disposable {
  private readonly controller = new AbortController();
  private readonly subscriptions: readonly Disposable[];
  private lost: string | undefined;
  /** Resolves with the signal. */
  readonly settled: Promise<void>;

  constructor(vfs: Vfs, interrupt: AbortSignal) {
    const abort = () => this.controller.abort();
    this.settled = new Promise((resolve) => {
      this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    if (interrupt.aborted) abort();
    interrupt.addEventListener('abort', abort, { once: true });
    this.subscriptions = [
      onDispose(() => interrupt.removeEventListener('abort', abort)),
      vfs.onStateChange((state, reason) => {
        if (state !== 'closed') return;
        this.lost = reason;
        abort();
      }),
    ];
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Fails if it was not the user who ended it. */
  throwIfLost(): void {
    if (this.lost !== undefined) throw new Failure(`the connection was given up: ${this.lost}`);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }
}
