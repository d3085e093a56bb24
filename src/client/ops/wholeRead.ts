import { createHash } from 'node:crypto';
import { ErrnoError } from '../../protocol/errno';
import { REREAD_SAME, RereadOut } from '../../protocol/livemount';
import type { NodeId } from '../../protocol/brand';
import {
  type CompoundRequest,
  type CompoundResult,
  FILLED_IN,
  type Part,
  type Sources,
} from '../session/compoundRequest';

/** Less is not worth a hash: it is read again. */
const BASE_MIN = 16 << 10;

/** What was read of a file, from its start. */
export interface Beginning {
  readonly bytes: Buffer;
  /** The reply held as much as was asked for: there may be more. */
  readonly full: boolean;
}

/** A part of a compound that reads a file from its start. */
export interface WholeRead {
  take(result: CompoundResult): Beginning;
}

/**
 * Adds to a compound the read of an open file, `size` bytes of it at most. `base` is what the file began with when it was
 * read last: where the host finds that it still does, only what stands behind it travels. So a log that grows costs what
 * was added, and a file that was rewritten is told from it, whatever its size and its times say.
 */
export function addWholeRead(
  request: CompoundRequest,
  nodeid: NodeId,
  handle: { readonly from: Sources },
  size: number,
  base: Buffer | undefined,
): WholeRead {
  if (base === undefined || base.length < BASE_MIN) {
    const fixed = { fh: FILLED_IN, offset: 0n, size, read_flags: 0, lock_owner: 0n, flags: 0 };
    return new PlainRead(request.add('READ', nodeid, fixed, handle), size);
  }
  const hash = createHash('sha256').update(base).digest();
  const fixed = { fh: FILLED_IN, have: BigInt(base.length), size, flags: 0, hash };
  return new ReadBehind(request.add('REREAD', nodeid, fixed, handle), size, base);
}

class PlainRead implements WholeRead {
  constructor(
    private readonly part: Part<'READ'>,
    private readonly size: number,
  ) {}

  take(result: CompoundResult): Beginning {
    const bytes = result.get(this.part);
    return { bytes, full: bytes.length >= this.size };
  }
}

class ReadBehind implements WholeRead {
  constructor(
    private readonly part: Part<'REREAD'>,
    private readonly size: number,
    private readonly base: Buffer,
  ) {}

  take(result: CompoundResult): Beginning {
    const body = result.get(this.part);
    if (body.length < RereadOut.size) throw new ErrnoError('EIO', 'a torn lm_reread_out');
    const { flags } = RereadOut.read(body, 0);
    const read = body.subarray(RereadOut.size);
    const bytes = flags & REREAD_SAME ? Buffer.concat([this.base, read]) : read;
    return { bytes, full: read.length >= this.size };
  }
}
