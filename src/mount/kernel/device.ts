import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { close } from '../../agent/libc/files';
import { quietSyscall, runSync } from '../../agent/libc/op';
import { eventfd, signal } from '../../agent/libc/poll';
import type { Disposable } from '../../base/dispose';
import { Errno } from '../../protocol/errno';
import { encodeNotifyFrame, encodeReplyFrame } from '../../protocol/frame';
import {
  ECHO_ROLE,
  type EchoCall,
  type EchoCommand,
  type EchoReport,
  type FoundWatch,
  READER_ROLE,
  type ReaderReport,
} from './threadProtocol';

/** The bundle is its own worker; from source (in tests), the worker is a file beside this one and needs a loader. */
const FROM_SOURCE = __filename.endsWith('.ts');
const PROGRAM = FROM_SOURCE ? join(__dirname, 'thread.ts') : __filename;
const LOADER = FROM_SOURCE ? { execArgv: ['--require', 'tsx/cjs'] } : {};

const writeCall = quietSyscall('write', 'int', 'void *', 'size_t');

export interface DeviceEvents {
  /** A request of the kernel's. */
  request(frame: Buffer): void;
  /** The mount is gone. `errno`: the device failed. */
  ended(errno: number | undefined): void;
  /** For the log: the kernel took an answer for wrong. */
  refused(errno: number, frame: Buffer): void;
}

type Waiter = (report: EchoReport) => void;

/**
 * The kernel's side of one mount: the open /dev/fuse. Requests come from a thread that blocks in read(2), answers are
 * written on this thread, which never waits for the mount; invalidations and the calls that make local events go
 * through a third one, since they may wait for a lock that somebody holds who waits for one of our answers.
 */
export class FuseDevice implements Disposable {
  private readonly control: number;
  private readonly reader: Worker;
  private readonly readerGone: Promise<unknown>;
  private readonly echo: Worker;
  private readonly waiters = new Map<number, Waiter>();
  private nextId = 1;
  private over = false;
  /** The thread that repeats on the mount what the host told; its requests are answered without asking the host. */
  echoThread = 0;
  /** Resolves when the threads work. */
  readonly ready: Promise<void>;

  constructor(
    private readonly fd: number,
    private readonly events: DeviceEvents,
  ) {
    this.control = runSync(eventfd());
    this.reader = new Worker(PROGRAM, {
      workerData: { role: READER_ROLE, device: fd, control: this.control },
      ...LOADER,
    });
    this.readerGone = new Promise((resolve) => this.reader.once('exit', resolve));
    this.echo = new Worker(PROGRAM, { workerData: { role: ECHO_ROLE, device: fd }, ...LOADER });
    this.reader.on('message', (report: ReaderReport) => this.read(report));
    this.ready = new Promise((resolve, reject) => {
      for (const worker of [this.reader, this.echo]) worker.once('error', reject);
      this.echo.on('message', (report: EchoReport) => {
        if ('tid' in report) {
          this.echoThread = report.tid;
          resolve();
          return;
        }
        const waiter = this.waiters.get(report.id);
        this.waiters.delete(report.id);
        waiter?.(report);
      });
    });
  }

  /** Answers a request. What the kernel does not wait for any more (it was interrupted) is no error. */
  reply(unique: bigint, error: number, body?: Buffer): void {
    if (this.over) return;
    const frame = encodeReplyFrame(unique, error, body);
    const result = Number(runSync(writeCall(this.fd, frame, frame.length)));
    if (result >= 0 || result === -Errno.ENOENT || result === -Errno.ENODEV) return;
    this.events.refused(-result, frame);
    // Whoever waits must not wait for ever because of us.
    if (error === 0) this.reply(unique, -Errno.EIO);
  }

  /** Sends a notification (Notify), behind all echoes and notifications before it. */
  notify(code: number, body: Buffer): void {
    if (!this.over) this.echo.postMessage({ notify: encodeNotifyFrame(code, body) } satisfies EchoCommand);
  }

  /** Makes system calls on the mount, one after the other; gives the errno of each. */
  async call(calls: readonly EchoCall[]): Promise<readonly number[]> {
    const report = await this.ask((id) => ({ id, calls }));
    return report !== undefined && 'results' in report ? report.results : calls.map(() => Errno.ENODEV);
  }

  /** Who watches superblocks with these device numbers. */
  async watches(devices: readonly number[]): Promise<readonly FoundWatch[]> {
    const report = await this.ask((id) => ({ id, scan: devices }));
    return report !== undefined && 'watches' in report ? report.watches : [];
  }

  /** Ends the threads and closes the device, which ends the mount for the kernel: who waits gets an error. */
  dispose(): void {
    if (this.over) return;
    this.over = true;
    runSync(signal(this.control));
    for (const [, waiter] of this.waiters) waiter({ id: 0, results: [] });
    this.waiters.clear();
    void this.end();
  }

  private async end(): Promise<void> {
    await this.readerGone;
    // A call on the mount ends when the device is closed; the thread is ended behind it.
    runSync(close(this.fd));
    runSync(close(this.control));
    await this.echo.terminate();
  }

  private ask(command: (id: number) => EchoCommand): Promise<EchoReport | undefined> {
    if (this.over) return Promise.resolve(undefined);
    const id = this.nextId++;
    return new Promise((resolve) => {
      this.waiters.set(id, resolve);
      this.echo.postMessage(command(id));
    });
  }

  private read(report: ReaderReport): void {
    if ('frame' in report) {
      const { buffer, byteOffset, length } = report.frame;
      this.events.request(Buffer.from(buffer as ArrayBuffer, byteOffset, length));
      return;
    }
    if (report.ended === 'stopped') return;
    this.events.ended(report.ended === 'unmounted' ? undefined : report.ended);
  }
}
