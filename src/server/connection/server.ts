import type { Duplex, Readable, Writable } from 'node:stream';
import type { Disposable } from '../../base/dispose';
import { Connection } from './connection';
import { type KeeperOptions, SessionKeeper } from './sessionKeeper';

export type ServerOptions = KeeperOptions;

/** The FUSE server: sessions, and the connections that reach them. One serves all clients of a host. */
export class Server implements Disposable {
  private readonly connections = new Set<Connection>();

  constructor(
    options: ServerOptions,
    private readonly keeper = new SessionKeeper(options),
  ) {}

  /** Sessions that are there, with or without a channel. */
  get sessions(): number {
    return this.keeper.size;
  }

  /**
   * Serves one byte stream until it ends; resolves with the reason when it ended badly. `lent`: the input uses the
   * memory of its chunks again.
   */
  accept(stream: Duplex): Promise<Error | undefined>;
  accept(input: Readable, output: Writable, lent?: boolean): Promise<Error | undefined>;
  accept(input: Readable, output?: Writable, lent = false): Promise<Error | undefined> {
    return new Promise((resolve) => {
      const ended = (error: Error | undefined) => {
        this.connections.delete(connection);
        resolve(error);
      };
      const connection = new Connection(input, output ?? (input as Duplex), this.keeper, ended, lent);
      this.connections.add(connection);
    });
  }

  dispose(): void {
    for (const connection of this.connections) connection.dispose();
    this.keeper.dispose();
  }
}
