import type { OpName } from '../../protocol/opcodes';

const changing: ReadonlySet<OpName> = new Set<OpName>([
  'SETATTR',
  'SYMLINK',
  'MKNOD',
  'MKDIR',
  'UNLINK',
  'RMDIR',
  'RENAME',
  'LINK',
  'WRITE',
  'SETXATTR',
  'REMOVEXATTR',
  'CREATE',
  'FALLOCATE',
  'RENAME2',
  'COPY_FILE_RANGE',
  'COPY_FILE_RANGE_64',
  'REPLACE',
  'REMOVE',
  'COPY',
  'PROCESS_START',
  'PROCESS_SIGNAL',
]);

/**
 * The operation changes what others see of the host, so nobody may guess whether it happened: it waits for the link
 * as long as it takes, and when the session is lost its outcome is said to be unknown. (TMPFILE is not one: the file
 * has no name.)
 */
export function changesHost(op: OpName): boolean {
  return changing.has(op);
}
