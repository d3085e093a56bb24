import { Errno, ErrnoError } from '../../protocol/errno';
import type { Version } from '../../protocol/livemount';
import type { Seen, Lister } from '../../server/watch/arming/backend';
import type { BytePath, AbsolutePath } from '../../server/watch/bytePath';
import { DT, foldIno, typeOfMode } from '../../server/watch/shadow/entries';
import { type Stamp, StampMixer } from '../../server/watch/shadow/stamps';
import type { Disposable } from '../../base/dispose';
import { DescriptorReserve } from '../libc/descriptorReserve';
import { AT_FDCWD, AT_NO_AUTOMOUNT, AT_STATX_DONT_SYNC, AT_SYMLINK_NOFOLLOW, O } from '../libc/flags';
import { Syscall } from '../libc/op';
import { eachDirent } from '../libc/dirents';
import { STATX_BASIC_STATS, STATX_MNT_ID, STATX_SIZE, StatxWord } from '../libc/statx';
import { PathBuffer } from './pathBuffer';

const LIST_BUFFER = 64 << 10;
const NS = 1_000_000_000n;

/** Nobody is there, or not under this path any more. */
function isAbsence(errno: number): boolean {
  return errno === Errno.ENOENT || errno === Errno.ENOTDIR || errno === Errno.ESTALE || errno === Errno.ELOOP;
}

const STATX = new Syscall('statx', ['int', 'void *', 'int', 'uint', 'void *']);
const OPENAT = new Syscall('openat', ['int', 'void *', 'int', 'int']);
const GETDENTS = new Syscall('getdents64', ['int', 'void *', 'size_t']);
const CLOSE = new Syscall('close', ['int']);

/**
 * The system calls of a look, with one buffer for each kind. They are made here and not as an `Op`: a look at a tree makes
 * one for each of its entries, and an `Op` is two objects a call.
 */
export class ListerCalls implements Disposable {
  readonly words = new Uint32Array(STATX_SIZE / 4);
  readonly attributes = Buffer.from(this.words.buffer);
  readonly path = new PathBuffer();
  readonly dirents = Buffer.alloc(LIST_BUFFER);
  readonly statx = STATX.native;
  readonly openat = OPENAT.native;
  readonly getdents = GETDENTS.native;
  readonly close = CLOSE.native;
  /** For a directory that is listed, or for a mount and a directory in it. */
  readonly reserve = new DescriptorReserve(2);

  dispose(): void {
    this.reserve.dispose();
  }
}

/** Looks at a local filesystem through one mount of it, at once. */
export class LocalLister implements Lister {
  constructor(
    private readonly scratch: ListerCalls,
    private readonly mountId: number,
  ) {}

  stat(path: AbsolutePath): Seen | undefined {
    // A mount may have come to stand there, and not answer: what is known of it is enough to see that it is elsewhere.
    const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
    const result = Number(
      this.scratch.statx.sync([
        AT_FDCWD,
        this.scratch.path.of(path),
        flags,
        STATX_BASIC_STATS | STATX_MNT_ID,
        this.scratch.attributes,
      ]),
    );
    if (result < 0) {
      if (isAbsence(-result)) return undefined;
      throw new ErrnoError(-result, `statx ${path}`);
    }
    return new SeenStatx(this.scratch.words, this.mountId);
  }

  list(path: AbsolutePath, each: (name: BytePath, ino: number, type: number) => void): boolean {
    const flags = O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;
    const { reserve, openat, dirents } = this.scratch;
    const terminated = this.scratch.path.of(path);
    const fd = reserve.open(() => Number(openat.sync([AT_FDCWD, terminated, flags, 0])));
    if (fd < 0) {
      if (isAbsence(-fd)) return false;
      throw new ErrnoError(-fd, `open ${path}`);
    }
    try {
      for (;;) {
        const length = Number(this.scratch.getdents.sync([fd, dirents, LIST_BUFFER]));
        if (length === 0) return true;
        if (length < 0) {
          if (isAbsence(-length)) return false;
          throw new ErrnoError(-length, `getdents64 ${path}`);
        }
        eachDirent(dirents, length, (start, end, at) => {
          const name = dirents.toString('latin1', start, end) as BytePath;
          const ino = foldIno(dirents.readUInt32LE(at), dirents.readUInt32LE(at + 4));
          each(name, ino, dirents[start - 1] ?? 0);
        });
      }
    } finally {
      this.scratch.close.sync([fd]);
      reserve.refill();
    }
  }
}

/** What a look found: kept as words, because most versions are compared and never sent. (struct statx, linux/stat.h) */
class SeenStatx implements Seen {
  readonly mode: number;
  readonly ino: number;
  readonly stamp: Stamp;
  readonly isShared: boolean;
  readonly isElsewhere: boolean;
  // Signed, because the engine keeps those in place and boxes others.
  private readonly sizeLow: number;
  private readonly sizeHigh: number;
  private readonly ctimeLow: number;
  private readonly ctimeHigh: number;
  private readonly ctimeNs: number;
  private readonly mtimeLow: number;
  private readonly mtimeHigh: number;
  private readonly mtimeNs: number;
  private readonly inoLow: number;
  private readonly inoHigh: number;

  constructor(words: Uint32Array, mountId: number) {
    const word = (at: number) => (words[at] ?? 0) | 0;
    const hasMount = (word(StatxWord.MASK) & STATX_MNT_ID) !== 0;
    this.isElsewhere = hasMount && word(StatxWord.MOUNT_ID) !== (mountId | 0);
    this.mode = word(StatxWord.MODE) & 0xffff;
    this.isShared = word(StatxWord.NLINK) > 1 && typeOfMode(this.mode) !== DT.DIR;
    this.inoLow = word(StatxWord.INO);
    this.inoHigh = word(StatxWord.INO + 1);
    this.sizeLow = word(StatxWord.SIZE);
    this.sizeHigh = word(StatxWord.SIZE + 1);
    this.ctimeLow = word(StatxWord.CTIME);
    this.ctimeHigh = word(StatxWord.CTIME + 1);
    this.ctimeNs = word(StatxWord.CTIME + 2);
    this.mtimeLow = word(StatxWord.MTIME);
    this.mtimeHigh = word(StatxWord.MTIME + 1);
    this.mtimeNs = word(StatxWord.MTIME + 2);
    this.ino = foldIno(this.inoLow >>> 0, this.inoHigh >>> 0);
    this.stamp = MIXER.start()
      .add(this.inoLow)
      .add(this.sizeLow)
      .add(this.sizeHigh)
      .add(this.ctimeLow)
      .add(this.ctimeNs)
      .add(this.mtimeLow)
      .add(this.mtimeNs)
      .finish();
  }

  get version(): Version {
    return {
      ino: wide(this.inoLow, this.inoHigh),
      size: wide(this.sizeLow, this.sizeHigh),
      ctime_ns: nanoseconds(this.ctimeLow, this.ctimeHigh, this.ctimeNs),
      mtime_ns: nanoseconds(this.mtimeLow, this.mtimeHigh, this.mtimeNs),
    };
  }
}

/** One for all: it is done before the next look begins. */
const MIXER = new StampMixer();

function wide(low: number, high: number): bigint {
  const unsigned = high >>> 0;
  return unsigned < 2 ** 21
    ? BigInt(unsigned * 2 ** 32 + (low >>> 0))
    : (BigInt(unsigned) << 32n) | BigInt(low >>> 0);
}

/** Seconds are 64 bits wide and signed; as a double they are exact. */
function nanoseconds(low: number, high: number, ns: number): bigint {
  return BigInt(high * 2 ** 32 + (low >>> 0)) * NS + BigInt(ns);
}
