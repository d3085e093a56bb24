import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net';
import type { OutputSource } from '../../server/processes/processHost';
import { ReadBlocks } from './readBlocks';

/** The end of a pipe that a program writes to. Its chunks are lent: `reuse` takes them back. */
export class PipeSource extends Socket implements OutputSource {
  private readonly blocks: ReadBlocks;

  constructor(fd: number) {
    const blocks = new ReadBlocks();
    // The constructor takes what connect() takes, too (net.Socket); its type does not say so.
    const options: SocketConstructorOpts & ConnectOpts = {
      fd,
      readable: true,
      writable: false,
      onread: {
        buffer: () => blocks.room(),
        callback: (length) => this.emit('data', blocks.took(length)),
      },
    };
    super(options);
    this.blocks = blocks;
    // Nothing is read before somebody takes it: what `onread` gives nobody keeps.
    this.pause();
  }

  reuse(bytes: Buffer): void {
    this.blocks.reuse(bytes);
  }
}
