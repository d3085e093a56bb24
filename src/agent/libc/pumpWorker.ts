import { isMainThread, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Errno } from '../../protocol/errno';
import { close, read, readQuietly } from './files';
import { POLLERR, POLLIN, POLLNVAL, POLLPRI } from './flags';
import { runSync } from './op';
import { eventfd, PollSet } from './poll';
import { PUMP_ROLE, type PumpCommand, type PumpReport, type PumpStart, PumpWord } from './pumpProtocol';

/**
 * While events come they are gathered before the next read: one read of many costs a tenth of many reads of one. The
 * pause begins short, so that what follows soon is delivered soon, and grows as long as events keep coming.
 */
const GATHER_MS = 2;
const GATHER_LONGEST_MS = 16;
/** A pause that gathers more than this is halved: the kernel's queue (16,384 events) holds ten times as much. */
const GATHER_BYTES = 64 << 10;
/** More than the kernel gives at once for a full queue of short names. */
const READ_BYTES = 256 << 10;
/** Bytes the main thread may be behind. Above it the kernel's own queue fills, and says so when it overflows. */
const MAX_UNTAKEN = 64 << 20;

interface Source {
  readonly id: number;
  readonly fd: number;
  readonly kind: 'events' | 'priority';
}

/** This process is the pump's thread: `workerData` says so. */
export function isPumpWorker(): boolean {
  const start = workerData as Partial<PumpStart> | null;
  return !isMainThread && start?.role === PUMP_ROLE;
}

/** The thread's whole life: waits in poll(2), reads, posts; never returns to its event loop until it is to end. */
export function runPumpWorker(): void {
  const { control, commands, words } = workerData as PumpStart;
  // Its first call binds close(2), which while the process exits would abort it.
  runSync(close(runSync(eventfd())));
  parentPort?.postMessage({ ready: true } satisfies PumpReport);
  new PumpLoop(control, new Int32Array(words), {
    next: () => receiveMessageOnPort(commands)?.message as PumpCommand | undefined,
    post: (report) =>
      parentPort?.postMessage(report, 'bytes' in report ? [report.bytes.buffer as ArrayBuffer] : []),
  }).run();
  commands.close();
}

interface Mailbox {
  next(): PumpCommand | undefined;
  post(report: PumpReport): void;
}

class PumpLoop {
  private readonly sources = new Map<number, Source>();
  private poll: PollSet | undefined;
  private polled: Source[] = [];
  private readonly buffer = Buffer.allocUnsafeSlow(READ_BYTES);

  constructor(
    private readonly control: number,
    private readonly words: Int32Array,
    private readonly mailbox: Mailbox,
  ) {}

  run(): void {
    while (Atomics.load(this.words, PumpWord.STOP) === 0) {
      const ready = this.wait();
      for (const { source, found } of ready) this.serve(source, found);
      // Adaptive: as long as there is something to read, come back after a moment instead of at every event.
      if (ready.some(({ source }) => source.kind === 'events')) this.gatherOn();
    }
    for (const { fd } of this.sources.values()) runSync(close(fd));
    runSync(close(this.control));
  }

  /** Waits for descriptors and commands; gives the sources that are ready. */
  private wait(): { source: Source; found: number }[] {
    this.poll ??= this.newPollSet();
    runSync(this.poll.wait(undefined));
    const ready = this.polled
      .map((source, i) => ({ source, found: this.poll?.ready(i + 1) ?? 0 }))
      .filter(({ found }) => found !== 0);
    const commanded = this.poll.ready(0) !== 0;
    if (commanded) this.obey();
    return ready.filter(({ source }) => this.sources.get(source.id) === source);
  }

  private newPollSet(): PollSet {
    this.polled = [...this.sources.values()];
    return new PollSet([
      { fd: this.control, events: POLLIN },
      ...this.polled.map(({ fd, kind }) => ({ fd, events: kind === 'events' ? POLLIN : POLLPRI | POLLERR })),
    ]);
  }

  /** Reads now and then until nothing comes any more, or there was a command. */
  private gatherOn(): void {
    const others = this.polled.filter((source) => source.kind === 'priority');
    const poll = new PollSet([
      { fd: this.control, events: POLLIN },
      ...others.map(({ fd }) => ({ fd, events: POLLPRI | POLLERR })),
    ]);
    for (let pause = GATHER_MS; this.gather(poll, others, pause); ) {
      let length = 0;
      for (const source of [...this.sources.values()]) length = Math.max(length, this.serveEvents(source));
      if (length === 0) return;
      pause = length > GATHER_BYTES ? Math.max(1, pause >> 1) : Math.min(pause * 2, GATHER_LONGEST_MS);
    }
  }

  /** Lets events gather for `pause` milliseconds, with an eye on everything else. False: there was a command to obey. */
  private gather(poll: PollSet, others: readonly Source[], pause: number): boolean {
    do {
      runSync(poll.wait(pause));
      const found = others.map((_, i) => poll.ready(i + 1));
      for (const [i, source] of others.entries()) this.serve(source, found[i] ?? 0);
      // One that is gone would be ready for ever.
      if (found.some((bits) => (bits & POLLNVAL) !== 0)) return false;
      if (poll.ready(0) !== 0) {
        this.obey();
        return false;
      }
    } while (Atomics.load(this.words, PumpWord.UNTAKEN) > MAX_UNTAKEN);
    return true;
  }

  private obey(): void {
    runSync(read(this.control, Buffer.allocUnsafe(8)));
    for (let command = this.mailbox.next(); command !== undefined; command = this.mailbox.next()) {
      if ('add' in command) {
        this.sources.set(command.add, { id: command.add, fd: command.fd, kind: command.kind });
      } else if ('drain' in command) {
        this.drain(command.drain);
      } else {
        const source = this.sources.get(command.remove);
        this.sources.delete(command.remove);
        if (source !== undefined) runSync(close(source.fd));
      }
    }
    this.poll = undefined;
  }

  private drain(id: number): void {
    const source = this.sources.get(id);
    if (source !== undefined) while (this.serveEvents(source) > 0);
    this.mailbox.post({ id, drained: true });
  }

  private serve(source: Source, found: number): void {
    if (found === 0) return;
    if (source.kind === 'events') this.serveEvents(source);
    else if ((found & POLLNVAL) !== 0) this.ended(source, Errno.EBADF);
    // poll(2) itself takes note of the change: nothing is to be read here.
    else this.mailbox.post({ id: source.id, fired: true });
  }

  /** Reads what is there; gives how many bytes that was. */
  private serveEvents(source: Source): number {
    if (source.kind !== 'events') return 0;
    const length = runSync(readQuietly(source.fd, this.buffer));
    if (length > 0) {
      const bytes = new Uint8Array(length);
      bytes.set(this.buffer.subarray(0, length));
      Atomics.add(this.words, PumpWord.UNTAKEN, length);
      this.mailbox.post({ id: source.id, bytes });
    } else if (length !== -Errno.EAGAIN && length !== -Errno.EINTR) {
      // A queue has no end: where one is read, the descriptor stands for something else.
      this.ended(source, length === 0 ? Errno.EIO : -length);
    }
    return Math.max(length, 0);
  }

  /** Nothing will ever come from there again. */
  private ended(source: Source, errno: number): void {
    this.sources.delete(source.id);
    this.poll = undefined;
    // A number that is not open any more may be somebody else's in a moment.
    if (errno !== Errno.EBADF) runSync(close(source.fd));
    this.mailbox.post({ id: source.id, errno });
  }
}

// In the bundle the program's main module looks who it is; run from its source, this file is the thread's program.
if (isPumpWorker() && __filename.endsWith('pumpWorker.ts')) runPumpWorker();
