/** listmount(2) and statmount(2) of Linux 6.8: the mount ids that are never used again. */
import { Errno } from '../../protocol/errno';
import { type Op, quietSyscall } from './op';

const listCall = quietSyscall('listmount', 'void *', 'void *', 'size_t', 'uint');
const statCall = quietSyscall('statmount', 'void *', 'void *', 'size_t', 'uint');

/** struct mnt_id_req, first version. */
const REQUEST_BYTES = 24;
/** Everything below the process's root. */
const LSMT_ROOT = 0xffffffffffffffffn;
const STATMOUNT_MNT_BASIC = 2n;
const STATMOUNT_BYTES = 512;
const IDS_AT_ONCE = 512;

function requestFor(id: bigint, param: bigint): Buffer {
  const request = Buffer.alloc(REQUEST_BYTES);
  request.writeUInt32LE(REQUEST_BYTES, 0);
  request.writeBigUInt64LE(id, 8);
  request.writeBigUInt64LE(param, 16);
  return request;
}

/** The unique ids of all mounts; undefined on kernels that have none. */
export function* listMounts(): Op<bigint[] | undefined> {
  const ids: bigint[] = [];
  const chunk = Buffer.alloc(IDS_AT_ONCE * 8);
  for (;;) {
    const count = Number(yield* listCall(requestFor(LSMT_ROOT, ids.at(-1) ?? 0n), chunk, IDS_AT_ONCE, 0));
    if (count === -Errno.ENOSYS || count === -Errno.EPERM) return undefined;
    if (count <= 0) return ids;
    for (let i = 0; i < count; i++) ids.push(chunk.readBigUInt64LE(i * 8));
  }
}

/** The number that mountinfo has for a mount; undefined if it went. */
export function* mountIdOf(unique: bigint): Op<number | undefined> {
  const buffer = Buffer.alloc(STATMOUNT_BYTES);
  const result = Number(yield* statCall(requestFor(unique, STATMOUNT_MNT_BASIC), buffer, buffer.length, 0));
  return result < 0 ? undefined : buffer.readUInt32LE(56);
}
