import { Duplex } from 'node:stream';
import { FrameReader, MAX_FRAME } from '../../../src/protocol/frame';
import { InHeader, OutHeader } from '../../../src/protocol/fuse';
import { Notify, opByCode, ops } from '../../../src/protocol/opcodes';
import { Travel } from './travel';

/** A frame on its way. */
export interface Passing {
  readonly direction: 'up' | 'down';
  readonly frame: Buffer;
}

/** A frame that the server sends of itself. */
export function isNotification({ direction, frame }: Passing): boolean {
  return direction === 'down' && OutHeader.read(frame, 0).unique === 0n;
}

/** A frame that tells of a mount. */
export function isMount(passing: Passing): boolean {
  return isNotification(passing) && OutHeader.read(passing.frame, 0).error === Notify.MOUNT;
}

/** Opcodes that get no reply. */
const SILENT: ReadonlySet<number> = new Set(
  Object.values(ops)
    .filter((op) => op.out === 'none')
    .map((op) => op.code),
);

/**
 * A wire between a client and a server in one process. In lockstep a round is: all that the client has sent travels
 * together, and the replies come back together once the last of them is there. So `rounds` counts round trips exactly,
 * however fast the machine is.
 */
export class Wire {
  /** Round trips so far, of requests that have a reply. */
  rounds = 0;
  /** Names of the requests that passed, in order; a COMPOUND with its size. */
  readonly requests: string[] = [];
  readonly client: Duplex;
  readonly server: Duplex;
  private readonly up: Buffer[] = [];
  private readonly down: Buffer[] = [];
  private expected = 0;
  private scheduled = false;
  private cut = false;
  private readonly fromClient = new FrameReader('requests', MAX_FRAME);
  private readonly fromServer = new FrameReader('replies', MAX_FRAME);
  /**
   * Without lockstep: how long a frame is on its way, and its lane. Frames of different lanes may overtake each other;
   * without one a frame keeps its order with all.
   */
  way: (passing: Passing) => { readonly ms: number; readonly lane?: string | undefined } = () => ({ ms: 0 });
  private readonly travel: Record<'up' | 'down', Travel>;
  /** Sees each frame before it is passed on; false keeps it back for ever. */
  filter: (passing: Passing) => boolean = () => true;

  constructor(readonly lockstep: boolean) {
    this.client = this.end((chunk) => this.sent(chunk));
    this.server = this.end((chunk) => this.answered(chunk));
    this.travel = {
      up: new Travel((frame) => this.server.push(frame)),
      down: new Travel((frame) => this.client.push(frame)),
    };
  }

  /** Breaks the wire: what is on its way is lost, both ends see the stream close. */
  break(): void {
    this.cut = true;
    this.travel.up.stop();
    this.travel.down.stop();
    this.client.destroy();
    this.server.destroy();
  }

  private pass(passing: Passing): void {
    const { ms, lane } = this.way(passing);
    this.travel[passing.direction].send(passing.frame, ms, lane);
  }

  private end(take: (chunk: Buffer) => void): Duplex {
    const duplex: Duplex = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        if (!this.cut) take(chunk);
        done();
      },
      final: (done) => {
        const other = duplex === this.client ? this.server : this.client;
        setImmediate(() => other.push(null));
        done();
      },
      destroy: (error, done) => {
        const other = duplex === this.client ? this.server : this.client;
        setImmediate(() => other.destroy());
        done(error);
      },
    });
    return duplex;
  }

  private sent(chunk: Buffer): void {
    for (const part of this.fromClient.push(chunk)) {
      // A copy: a filter may spoil it, and whoever sent it may keep it to send it again.
      const frame = Buffer.from(part);
      this.requests.push(nameOf(frame));
      if (!this.filter({ direction: 'up', frame })) continue;
      if (this.cut) return;
      if (this.lockstep) this.up.push(frame);
      else this.pass({ direction: 'up', frame });
    }
    this.schedule();
  }

  private answered(chunk: Buffer): void {
    for (const part of this.fromServer.push(chunk)) {
      const frame = Buffer.from(part);
      if (!this.filter({ direction: 'down', frame })) continue;
      if (this.cut) return;
      if (!this.lockstep) {
        this.pass({ direction: 'down', frame });
        continue;
      }
      this.down.push(frame);
      const { unique } = OutHeader.read(frame, 0);
      if (unique !== 0n && (unique & 1n) === 0n) this.expected--;
    }
    if (this.expected === 0) this.schedule();
  }

  /** The next round starts when the client has had its turn with what came. */
  private schedule(): void {
    if (!this.lockstep || this.scheduled) return;
    this.scheduled = true;
    setImmediate(() =>
      setImmediate(() => {
        this.scheduled = false;
        this.step();
      }),
    );
  }

  private step(): void {
    if (this.cut || this.expected > 0) return;
    if (this.down.length > 0) {
      for (const frame of this.down.splice(0)) this.client.push(frame);
      this.schedule();
      return;
    }
    if (this.up.length === 0) return;
    const frames = this.up.splice(0);
    const asked = frames.filter((frame) => !SILENT.has(InHeader.read(frame, 0).opcode)).length;
    this.expected += asked;
    if (asked > 0) this.rounds++;
    for (const frame of frames) this.server.push(frame);
  }
}

function nameOf(frame: Buffer): string {
  const { opcode } = InHeader.read(frame, 0);
  return opByCode(opcode) ?? `opcode ${opcode}`;
}
