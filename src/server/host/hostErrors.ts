import { type ErrnoName, ErrnoError } from '../../protocol/errno';

/** Whether an error is one of the errno values named. */
export function isErrno(error: unknown, ...names: readonly ErrnoName[]): error is ErrnoError {
  return error instanceof ErrnoError && (names as readonly string[]).includes(error.code);
}

/** How filesystems say that they do not have an operation, or not with these flags. */
export function isUnsupported(error: unknown): error is ErrnoError {
  return isErrno(error, 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'ENOTTY');
}

/** Nobody is there any more, or somebody else. */
export function isGone(error: unknown): error is ErrnoError {
  return isErrno(error, 'ENOENT', 'ESTALE');
}

/** The caller did not wait for the end: what was asked may still be done (a filesystem that hangs). */
export function isUndecided(error: unknown): error is ErrnoError {
  return isErrno(error, 'EINTR', 'ETIMEDOUT');
}
