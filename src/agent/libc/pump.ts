import { join } from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Disposable } from '../../base/dispose';
import type { ListenerErrors } from '../../base/emitter';
import { close, openat } from './files';
import { AT_FDCWD, O } from './flags';
import { cString } from './libc';
import { runSync } from './op';
import { eventfd, signal } from './poll';
import { PUMP_ROLE, type PumpCommand, type PumpReport, type PumpStart, PumpWord } from './pumpProtocol';

/** The thread keeps nothing but its buffer. */
const HEAP_LIMITS = { maxYoungGenerationSizeMb: 2 };

/** The bundle is its own worker; from source (in tests), the worker is a file beside this one and needs a loader. */
const FROM_SOURCE = __filename.endsWith('.ts');
const PROGRAM = FROM_SOURCE ? join(__dirname, 'pumpWorker.ts') : __filename;
const LOADER = FROM_SOURCE ? { execArgv: ['--require', 'tsx/cjs'] } : {};

function rethrow(error: unknown): never {
  throw error;
}

interface Receiver {
  readonly bytes?: (chunk: Buffer) => void;
  readonly fired?: () => void;
  readonly failed?: ((errno: number) => void) | undefined;
  /** Who waits for the thread to have read everything, in the order of asking. */
  readonly draining: (() => void)[];
}

/** Something the thread waits for. */
export interface PumpSource extends Disposable {
  /** Resolves when everything that was there before the call has been given out, or when it is disposed. */
  drain(): Promise<void>;
}

/**
 * One thread that waits for all notification descriptors of the process and reads them, however busy the main thread
 * is: a blocked main thread would let the kernel's queues overflow. It keeps neither the process nor its exit waiting.
 */
export class Pump implements Disposable {
  private readonly worker: Worker;
  private readonly commands: MessagePort;
  private readonly control: number;
  private readonly words = new Int32Array(new SharedArrayBuffer(8));
  private readonly receivers = new Map<number, Receiver>();
  private nextId = 1;
  private stopped = false;
  private settleLoading: (() => void) | undefined;
  private readonly loaded: Promise<void>;
  private readonly onExit = () => this.stop();

  /** `failed` takes what a receiver threw: that concerns nobody else who waits for something here. */
  constructor(private readonly failed: ListenerErrors = rethrow) {
    this.control = runSync(eventfd());
    const { port1, port2 } = new MessageChannel();
    this.commands = port1;
    const start: PumpStart = {
      role: PUMP_ROLE,
      control: this.control,
      commands: port2,
      words: this.words.buffer as SharedArrayBuffer,
    };
    this.worker = new Worker(PROGRAM, {
      workerData: start,
      transferList: [port2],
      resourceLimits: HEAP_LIMITS,
      ...LOADER,
    });
    this.worker.on('message', (report: PumpReport) => {
      try {
        this.receive(report);
      } catch (error) {
        this.failed(error);
      }
    });
    this.loaded = new Promise((resolve, reject) => {
      this.settleLoading = resolve;
      this.worker.on('error', (error) => {
        // Without the thread the agent is of no use: nothing reports what happens any more.
        if (this.settleLoading === undefined) throw error;
        reject(error);
      });
    });
    this.worker.unref();
    this.commands.unref();
    // Node waits for its threads at exit, and this one is in poll(2).
    process.once('exit', this.onExit);
  }

  /**
   * Reads `fd` (inotify, fanotify; non-blocking) as long as it is not disposed, and closes it then. `onBytes` gets
   * whole records; `onError` the errno that ended it.
   */
  read(fd: number, onBytes: (chunk: Buffer) => void, onError?: (errno: number) => void): PumpSource {
    return this.add(fd, 'events', { bytes: onBytes, failed: onError, draining: [] });
  }

  /** Calls `onChange` whenever the mounts of this process's namespace change. (proc(5), mountinfo and poll) */
  watchMounts(onChange: () => void): Disposable {
    const fd = runSync(openat(AT_FDCWD, cString(Buffer.from('/proc/self/mountinfo')), O.RDONLY));
    return this.add(fd, 'priority', { fired: onChange, draining: [] });
  }

  /** Resolves when the thread works, and needs no file of the program any more. Rejects with why it can't. */
  async ready(): Promise<void> {
    this.worker.ref();
    await this.loaded;
    this.worker.unref();
  }

  /** Ends the thread, which closes the descriptors it has. */
  dispose(): void {
    process.off('exit', this.onExit);
    for (const id of [...this.receivers.keys()]) this.forget(id);
    this.stop();
    this.commands.close();
  }

  private add(fd: number, kind: 'events' | 'priority', receiver: Receiver): PumpSource {
    if (this.stopped) {
      runSync(close(fd));
      return { dispose() {}, drain: () => Promise.resolve() };
    }
    const id = this.nextId++;
    this.receivers.set(id, receiver);
    this.command({ add: id, fd, kind });
    return {
      dispose: () => {
        if (this.forget(id)) this.command({ remove: id });
      },
      drain: () => this.drain(id),
    };
  }

  private drain(id: number): Promise<void> {
    const receiver = this.receivers.get(id);
    if (receiver === undefined || this.stopped) return Promise.resolve();
    return new Promise((resolve) => {
      receiver.draining.push(resolve);
      this.command({ drain: id });
    });
  }

  /** Nothing comes from there any more: who waits for that waits no longer. */
  private forget(id: number): boolean {
    const receiver = this.receivers.get(id);
    for (const resolve of receiver?.draining.splice(0) ?? []) resolve();
    return this.receivers.delete(id);
  }

  private command(command: PumpCommand): void {
    if (this.stopped) return;
    this.commands.postMessage(command);
    runSync(signal(this.control));
  }

  private receive(report: PumpReport): void {
    if ('ready' in report) {
      this.settleLoading?.();
      this.settleLoading = undefined;
    } else if ('bytes' in report) {
      Atomics.sub(this.words, PumpWord.UNTAKEN, report.bytes.length);
      const { buffer, byteOffset, length } = report.bytes;
      this.receivers.get(report.id)?.bytes?.(Buffer.from(buffer as ArrayBuffer, byteOffset, length));
    } else if ('fired' in report) {
      this.receivers.get(report.id)?.fired?.();
    } else if ('drained' in report) {
      this.receivers.get(report.id)?.draining.shift()?.();
    } else {
      const receiver = this.receivers.get(report.id);
      this.forget(report.id);
      receiver?.failed?.(report.errno);
    }
  }

  private stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    Atomics.store(this.words, PumpWord.STOP, 1);
    runSync(signal(this.control));
  }
}
