/** Who is at the other end of a Unix socket. (unix(7), SO_PEERCRED) */
import { runSync, syscall } from './op';

const getsockoptCall = syscall('getsockopt', 'int', 'int', 'int', 'void *', 'void *');

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: pid, uid, gid. */
const UCRED_BYTES = 12;
const UID_AT = 4;

/** The user who connected, or who listens, as the kernel noted it then. */
export function peerUid(fd: number): number {
  const credentials = Buffer.alloc(UCRED_BYTES);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(UCRED_BYTES);
  runSync(getsockoptCall(fd, SOL_SOCKET, SO_PEERCRED, credentials, length));
  return credentials.readUInt32LE(UID_AT);
}
