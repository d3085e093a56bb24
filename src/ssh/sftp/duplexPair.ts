import { Duplex } from 'node:stream';

/** Two streams of which each reads what the other is written; destroying one ends both. */
export function duplexPair(): [Duplex, Duplex] {
  const left = new Side();
  const right = new Side();
  left.other = right;
  right.other = left;
  return [left, right];
}

class Side extends Duplex {
  other: Side | undefined;
  /** Called when the other side has taken what it was given. */
  private taken: (() => void) | undefined;

  override _read(): void {
    const { taken } = this;
    this.taken = undefined;
    taken?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const { other } = this;
    if (other === undefined || other.destroyed) return;
    if (other.push(chunk)) done();
    else other.taken = done;
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this;
    // After what is on its way has arrived, as with a socket.
    if (other !== undefined && !other.destroyed) setImmediate(() => other.destroy());
    done(error);
  }
}
