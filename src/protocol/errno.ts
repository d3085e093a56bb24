/** Linux errno values as they travel in fuse_out_header.error (asm-generic/errno-base.h, errno.h). */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOLCK: 37,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EPROTO: 71,
  EBADMSG: 74,
  EOVERFLOW: 75,
  EREMCHG: 78,
  EILSEQ: 84,
  EOPNOTSUPP: 95,
  ENETUNREACH: 101,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  ESTALE: 116,
  EUCLEAN: 117,
  EDQUOT: 122,
  ECANCELED: 125,
  ENOTRECOVERABLE: 131,
} as const;

export type ErrnoName = keyof typeof Errno;

const nameByNumber = new Map<number, ErrnoName>(
  (Object.entries(Errno) as [ErrnoName, number][]).map(([name, value]) => [value, name]),
);

/** The symbolic name of an errno value, or `errno N` where it has none in the table. */
export function errnoName(errno: number): string {
  return nameByNumber.get(errno) ?? `errno ${errno}`;
}

/**
 * The one error type of protocol, server, client and agent: an errno value and a sentence.
 * `errno` is positive; the wire carries its negative.
 */
export class ErrnoError extends Error {
  readonly errno: number;

  constructor(errno: number | ErrnoName, message?: string, options?: ErrorOptions) {
    const value = typeof errno === 'number' ? errno : Errno[errno];
    super(message === undefined ? errnoName(value) : `${message} (${errnoName(value)})`, options);
    this.name = 'ErrnoError';
    this.errno = value;
  }

  /**
   * The failure of a system call. It has no stack: taking one costs ten times the call, a failed LOOKUP is an everyday
   * answer, and where the call was made is the same for all.
   */
  static ofCall(errno: number, call: string): ErrnoError {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      return new ErrnoError(errno, call);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  get code(): string {
    return errnoName(this.errno);
  }
}

/** The errno an unknown thrown value stands for: its own, that of a Node system error (`code`), else EIO. */
export function errnoOf(error: unknown): number {
  if (error instanceof ErrnoError) return error.errno;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return Errno[error.code as ErrnoName] ?? Errno.EIO;
  }
  return Errno.EIO;
}

/** The node or handle that was used is not known any more. */
export function isStale(error: unknown): boolean {
  return error instanceof ErrnoError && error.errno === Errno.ESTALE;
}
