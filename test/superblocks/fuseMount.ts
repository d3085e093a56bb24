import { mkdirSync, writeSync } from 'node:fs';
import { close, openat, read } from '../../src/agent/libc/files';
import { AT_FDCWD, O } from '../../src/agent/libc/flags';
import { cString } from '../../src/agent/libc/libc';
import { runSync, syscall } from '../../src/agent/libc/op';
import type { Disposable } from '../../src/base/dispose';
import { Errno } from '../../src/protocol/errno';
import { AttrOut, InHeader, InitFlag, InitOut, OpenOut, OutHeader, S_IFDIR } from '../../src/protocol/fuse';
import { type OpName, opByCode } from '../../src/protocol/opcodes';
import { eventually } from '../client/support/hostAgent';

const mount = syscall('mount', 'void *', 'void *', 'void *', 'long', 'void *');
const umount = syscall('umount2', 'void *', 'int');
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MNT_DETACH = 2;
/** More than any request without a large write. */
const FRAME_BYTES = 1 << 17;
/** A hundred of them read in the same thread that the test runs in. */
const READ_EVERY_MS = 10;

/** A request of the kernel, as a FUSE daemon reads it. */
export interface KernelRequest {
  readonly op: OpName | undefined;
  readonly unique: bigint;
  readonly body: Buffer;
}

const zeroed = (size: number) => Buffer.alloc(size);

/**
 * A FUSE filesystem whose daemon is the test itself: it reads what the kernel asks and answers nothing, until it is
 * told to. Many of them cost little. Never look into one from the test's own main thread.
 */
export class FuseMount implements Disposable {
  /** What the kernel asked and nobody has answered yet. */
  readonly unanswered: KernelRequest[] = [];
  private readonly fd: number;
  private readonly buffer = Buffer.alloc(FRAME_BYTES);
  private readonly reading: NodeJS.Timeout;
  private lively = false;
  private deaf = false;
  private gone = false;

  /** An empty root directory with nothing to be told about it. */
  constructor(readonly at: string) {
    mkdirSync(at, { recursive: true });
    this.fd = runSync(openat(AT_FDCWD, text('/dev/fuse'), O.RDWR | O.NONBLOCK));
    const options = `fd=${this.fd},rootmode=40000,user_id=0,group_id=0,allow_other`;
    runSync(mount(text('test'), text(at), text('fuse'), MS_NOSUID | MS_NODEV, text(options)));
    this.reading = setInterval(() => this.drain(), READ_EVERY_MS);
  }

  /** Answers everything from now on, also what was asked before: the root is an empty directory. */
  revive(): void {
    this.lively = true;
    for (const request of this.unanswered.splice(0)) this.answer(request);
  }

  /** Answers nothing any more. */
  die(): void {
    this.lively = false;
  }

  /** Reads nothing any more, or goes on reading: what the kernel asks meanwhile waits in its queue. */
  setDeaf(deaf: boolean): void {
    this.deaf = deaf;
  }

  /** The next request of one of these kinds, once it is there; it counts as dealt with. */
  async asked(...ops: OpName[]): Promise<KernelRequest> {
    const index = () => this.unanswered.findIndex(({ op }) => op !== undefined && ops.includes(op));
    await eventually(`the kernel asks ${ops.join(' or ')}`, () => index() >= 0);
    const [request] = this.unanswered.splice(index(), 1);
    if (request === undefined) throw new Error('it was there');
    return request;
  }

  fail(request: KernelRequest, errno: keyof typeof Errno): void {
    this.reply(request, -Errno[errno], zeroed(0));
  }

  /** Answers one request as a living daemon would. */
  answer(request: KernelRequest): void {
    switch (request.op) {
      case 'INIT': {
        const base = InitOut.decode(zeroed(InitOut.size));
        const flags = Number(InitFlag.PARALLEL_DIROPS);
        const out = {
          ...base,
          major: 7,
          minor: 38,
          flags,
          max_background: 16,
          max_write: 4096,
          time_gran: 1,
        };
        this.reply(request, 0, InitOut.encode(out));
        return;
      }
      case 'GETATTR': {
        const base = AttrOut.decode(zeroed(AttrOut.size));
        const attr = { ...base.attr, ino: 1n, mode: S_IFDIR | 0o755, nlink: 2 };
        this.reply(request, 0, AttrOut.encode({ ...base, attr }));
        return;
      }
      case 'OPENDIR':
        this.reply(request, 0, OpenOut.encode(OpenOut.decode(zeroed(OpenOut.size))));
        return;
      case 'READDIR':
      case 'RELEASEDIR':
        this.reply(request, 0, zeroed(0));
        return;
      case 'FORGET':
      case 'BATCH_FORGET':
      case 'INTERRUPT':
        return;
      case 'LOOKUP':
        this.fail(request, 'ENOENT');
        return;
      default:
        this.fail(request, 'ENOSYS');
        return;
    }
  }

  /** Takes it away whatever its state; calls that wait for it end with an error. */
  dispose(): void {
    if (this.gone) return;
    this.gone = true;
    clearInterval(this.reading);
    runSync(umount(text(this.at), MNT_DETACH));
    runSync(close(this.fd));
  }

  private drain(): void {
    while (!this.deaf) {
      let length: number;
      try {
        length = runSync(read(this.fd, this.buffer));
      } catch {
        return; // EAGAIN: nothing is asked. ENODEV: somebody else unmounted it.
      }
      const frame = Buffer.from(this.buffer.subarray(0, length));
      const { opcode, unique } = InHeader.read(frame, 0);
      const request = { op: opByCode(opcode), unique, body: frame.subarray(InHeader.size) };
      if (this.lively || request.op === 'INIT') this.answer(request);
      else if (request.op !== 'FORGET' && request.op !== 'BATCH_FORGET') this.unanswered.push(request);
    }
  }

  private reply(request: KernelRequest, error: number, body: Buffer): void {
    const header = OutHeader.encode({
      len: OutHeader.size + body.length,
      error,
      unique: request.unique as never,
    });
    try {
      writeSync(this.fd, Buffer.concat([header, body]));
    } catch (problem) {
      // ENOENT: whoever asked was interrupted meanwhile.
      if ((problem as NodeJS.ErrnoException).code !== 'ENOENT') throw problem;
    }
  }
}

function text(value: string): Buffer {
  return cString(Buffer.from(value));
}
