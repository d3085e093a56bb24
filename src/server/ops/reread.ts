import { createHash } from 'node:crypto';
import { ErrnoError } from '../../protocol/errno';
import { REREAD_SAME, RereadOut } from '../../protocol/livemount';
import type { Handlers } from '../connection/handler';
import type { HostFile, OperationContext } from '../host/hostFs';
import { TimeSlice } from '../timeSlice';

/** What is read and hashed at a time: a millisecond's work, so that others are served in between. */
const CHUNK_BYTES = 256 << 10;

/** The SHA-256 of a file's first bytes; undefined if it has fewer. */
async function hashOf(
  file: HostFile,
  length: number,
  context: OperationContext,
): Promise<Buffer | undefined> {
  const hash = createHash('sha256');
  const slice = new TimeSlice(context.signal);
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, length));
  for (let at = 0; at < length; ) {
    const into = chunk.subarray(0, Math.min(chunk.length, length - at));
    const count = await file.read(into, BigInt(at), context);
    if (count < into.length) return undefined;
    hash.update(into);
    at += count;
    await slice.step();
  }
  return hash.digest();
}

export const rereadHandlers: Handlers = {
  async REREAD(session, request, context) {
    if (session.agreement.features === 0) throw new ErrnoError('ENOSYS', 'REREAD');
    const { fh, have, size, hash } = request.in;
    if (size > session.agreement.maxWrite) throw new ErrnoError('EINVAL', `REREAD of ${size} bytes`);
    if (have > BigInt(Number.MAX_SAFE_INTEGER)) throw new ErrnoError('EINVAL', `REREAD behind ${have} bytes`);
    const { file } = session.handles.get(fh);
    const isSame = (await hashOf(file, Number(have), context))?.equals(hash) === true;
    const body = session.readBuffer.take(RereadOut.size + size);
    RereadOut.write(body, 0, { flags: isSame ? REREAD_SAME : 0 });
    const count = await file.read(body.subarray(RereadOut.size), isSame ? have : 0n, context);
    return session.readBuffer.filled(body, RereadOut.size + count);
  },
};
