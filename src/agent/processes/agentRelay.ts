import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Disposable } from '../../base/dispose';
import type { ProcessAsk } from '../../server/processes/processHost';
import { isOurPeer } from '../daemon/peer';
import { peerUid } from '../libc/peer';

/** Connections to one relay at once: one transfer starts a few programs. */
const CONNECTIONS_MAX = 16;
/** A request to sign holds a key and a few hundred bytes; a longer one is none. */
const REQUEST_LIMIT = 32 << 10;
/** SSH_AGENT_FAILURE (draft-ietf-sshm-ssh-agent, 5.1), with its length. */
const FAILURE = Buffer.of(0, 0, 0, 1, 5);

/**
 * What SSH_AUTH_SOCK of one process leads to: each request to an SSH agent is passed to the client that started the
 * process, one at a time for each connection, and the client decides what it answers. The owner disposes it when the
 * process ends.
 */
export class AgentRelay implements Disposable {
  private readonly server: Server;
  private readonly connections = new Set<Socket>();

  /** @param path where nothing is yet, in a private folder */
  constructor(
    readonly path: string,
    private readonly token: string,
    private readonly asked: (ask: ProcessAsk) => (() => void) | undefined,
  ) {
    this.server = createServer((socket) => this.accept(socket));
    this.server.unref();
  }

  listen(): Promise<void> {
    rmSync(this.path, { force: true });
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      // The folder is private already; the mode of the socket is the second lock on the same door.
      const umask = process.umask(0o177);
      this.server.listen(this.path, () => {
        this.server.off('error', reject);
        this.server.on('error', () => this.dispose());
        resolve();
      });
      process.umask(umask);
    });
  }

  dispose(): void {
    for (const socket of this.connections) socket.destroy();
    this.server.close();
    rmSync(this.path, { force: true });
  }

  private accept(socket: Socket): void {
    if (this.connections.size >= CONNECTIONS_MAX || !isOurPeer(socket, peerUid)) {
      socket.destroy();
      return;
    }
    this.connections.add(socket);
    let received = Buffer.alloc(0);
    let forget: (() => void) | undefined;
    let waiting = false;
    const next = () => {
      if (waiting || received.length < 4) return;
      const end = 4 + received.readUInt32BE(0);
      if (end > REQUEST_LIMIT) {
        socket.destroy();
        return;
      }
      if (received.length < end) return;
      const message = received.subarray(4, end).toString('base64');
      received = received.subarray(end);
      waiting = true;
      const answer = (status: number, words: string) => {
        const body = status === 0 ? Buffer.from(words, 'base64') : undefined;
        if (body === undefined || body.length === 0) socket.write(FAILURE);
        else {
          const length = Buffer.alloc(4);
          length.writeUInt32BE(body.length);
          socket.write(Buffer.concat([length, body]));
        }
        waiting = false;
        forget = undefined;
        next();
      };
      const body = Buffer.from(JSON.stringify({ kind: 'agent', message }));
      forget = this.asked({ token: this.token, body, answer });
      if (forget === undefined && waiting) answer(1, '');
    };
    socket.on('error', () => undefined); // Its close is what counts.
    socket.on('close', () => {
      this.connections.delete(socket);
      forget?.();
    });
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length > 2 * REQUEST_LIMIT) socket.destroy();
      else next();
    });
  }
}
