/**
 * Whose ids a thread acts with. The raw calls change the calling thread only (the C library's wrappers change all),
 * which is what lets the main thread create a file for a caller and be itself again before it does anything else.
 */
import { type Op, quietSyscall } from './op';

const setfsuidCall = quietSyscall('setfsuid', 'uint');
const setfsgidCall = quietSyscall('setfsgid', 'uint');
const prctlCall = quietSyscall('prctl', 'int', 'uint64', 'uint64', 'uint64', 'uint64');

const PR_GET_SECUREBITS = 27;
const PR_SET_SECUREBITS = 28;
const SECBIT_NO_SETUID_FIXUP = 1 << 2;

/**
 * Lets this thread keep its capabilities while its fsuid is somebody else's: files then belong to the caller, while
 * what the caller may do stays the client kernel's decision. False without CAP_SETPCAP. (capabilities(7))
 */
export function* keepCapabilities(): Op<boolean> {
  const bits = Number(yield* prctlCall(PR_GET_SECUREBITS, 0, 0, 0, 0));
  if (bits < 0) return false;
  return Number(yield* prctlCall(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP, 0, 0, 0)) === 0;
}

/** Sets the ids new files of this thread belong to; gives those before. (setfsuid(2): it never fails visibly) */
export function* setFsIds(uid: number, gid: number): Op<{ uid: number; gid: number }> {
  const before = { gid: Number(yield* setfsgidCall(gid)) >>> 0, uid: Number(yield* setfsuidCall(uid)) >>> 0 };
  return before;
}
