import type { Writable } from 'node:stream';
import { ErrnoError } from '../../protocol/errno';
import { PROCESS_INPUT_MAX } from '../../protocol/livemount';

/** Control-D: what ends the input of a program that reads a terminal line by line. */
const END_OF_TRANSMISSION = Buffer.from([4]);

/** What a process reads. Every byte of it has a place, so that what is sent twice arrives once. */
export class InputStream {
  private given = 0n;
  private took = 0n;
  private ended = false;
  private broken = false;

  constructor(
    private readonly sink: Writable,
    private readonly isTerminal: boolean,
    /** The process has taken more. */
    private readonly changed: () => void,
  ) {
    const gone = () => {
      // It closed its input, or ended: nobody will read what is still given, and whoever gives must not wait.
      this.broken = true;
      if (this.took === this.given) return;
      this.took = this.given;
      this.changed();
    };
    sink.on('error', gone);
    sink.on('close', gone);
  }

  /** How far it was given to us. */
  get received(): bigint {
    return this.given;
  }

  /** How far the process has it. */
  get taken(): bigint {
    return this.took;
  }

  /** Takes bytes that begin at `offset`. EINVAL where some are left out, EAGAIN for more than may wait. */
  write(offset: bigint, bytes: Buffer, isLast: boolean): void {
    if (offset > this.given) throw new ErrnoError('EINVAL', 'a part of the input is missing');
    const known = Number(this.given - offset);
    const fresh = known < bytes.length ? bytes.subarray(known) : NOTHING;
    if (fresh.length > 0) {
      if (this.ended) throw new ErrnoError('EINVAL', 'the input has ended');
      if (this.given + BigInt(fresh.length) - this.took > BigInt(PROCESS_INPUT_MAX)) {
        throw new ErrnoError('EAGAIN', 'the process has not taken what it was given');
      }
      this.give(fresh);
    }
    if (isLast && !this.ended && this.given === offset + BigInt(bytes.length)) this.end();
  }

  private give(bytes: Buffer): void {
    this.given += BigInt(bytes.length);
    if (this.broken) {
      this.took = this.given;
      this.changed();
      return;
    }
    const upTo = this.given;
    // The frame's memory is used again; what waits here must stay what it is.
    this.sink.write(Buffer.from(bytes), () => {
      if (upTo <= this.took) return;
      this.took = upTo;
      this.changed();
    });
  }

  private end(): void {
    this.ended = true;
    if (this.broken) return;
    if (this.isTerminal) this.sink.write(END_OF_TRANSMISSION);
    else this.sink.end();
  }
}

const NOTHING = Buffer.alloc(0);
