import { lstatSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Disposable } from '../../base/dispose';
import type { ProcessAsk } from '../../server/processes/processHost';
import { isOurPeer, isOurSocket } from '../daemon/peer';
import { peerUid } from '../libc/peer';
import { type LmReply, REQUEST_LIMIT } from './messages';

/** Programs that wait for an answer at most. */
const CALLS_MAX = 256;

/** Where `lm` reaches the daemon: a socket in its private folder, for programs of this user alone. */
export class LmSocket implements Disposable {
  private readonly server: Server;
  private readonly calls = new Set<Socket>();
  private listening = false;

  constructor(
    readonly path: string,
    private readonly asked: (ask: ProcessAsk) => (() => void) | undefined,
  ) {
    this.server = createServer((socket) => this.accept(socket));
    this.server.on('error', () => {
      this.listening = false;
    });
    this.server.unref();
  }

  /** It is there, also where somebody has tidied up. */
  async prepare(): Promise<void> {
    const found = lstatSync(this.path, { throwIfNoEntry: false });
    if (this.listening && found !== undefined && isOurSocket(found)) return;
    if (this.listening) await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.path, { force: true });
    this.listening = true;
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      // The folder is private already; the mode of the socket is the second lock on the same door.
      const umask = process.umask(0o177);
      this.server.listen(this.path, () => {
        this.server.off('error', reject);
        resolve();
      });
      process.umask(umask);
    });
  }

  dispose(): void {
    for (const socket of this.calls) socket.destroy();
    if (this.listening) this.server.close();
  }

  private accept(socket: Socket): void {
    if (this.calls.size >= CALLS_MAX || !isOurPeer(socket, peerUid)) {
      socket.destroy();
      return;
    }
    this.calls.add(socket);
    let received = Buffer.alloc(0);
    let forget: (() => void) | undefined;
    socket.on('error', () => undefined); // Its close is what counts.
    socket.on('close', () => {
      this.calls.delete(socket);
      forget?.();
    });
    const take = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf(0x0a);
      if (end < 0 && received.length <= REQUEST_LIMIT) return;
      socket.off('data', take);
      socket.resume();
      const answer = (status: number, message: string) =>
        socket.end(`${JSON.stringify({ status, message } satisfies LmReply)}\n`);
      const call = end < 0 ? undefined : callOf(received.subarray(0, end));
      if (call === undefined) {
        socket.destroy();
        return;
      }
      forget = this.asked({ ...call, answer });
      if (forget === undefined) answer(1, 'no window has this terminal open');
    };
    socket.on('data', take);
  }
}

function callOf(line: Buffer): { readonly token: string; readonly body: Buffer } | undefined {
  try {
    const { token, request } = JSON.parse(line.toString('utf8')) as Record<string, unknown>;
    return typeof token === 'string' ? { token, body: Buffer.from(JSON.stringify(request)) } : undefined;
  } catch {
    return undefined;
  }
}
