import type { Writable } from 'node:stream';

/** Standard output with back-pressure: a write settles when the reader has taken what was written before it. */
export class Output {
  /** The reader went away (EPIPE): nobody wants more. */
  private gone = false;
  private failure: Error | undefined;
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly stream: Writable & { readonly isTTY?: boolean },
    private readonly onReaderGone: () => void,
  ) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') {
        this.gone = true;
        this.onReaderGone();
      } else {
        this.failure = error;
      }
      this.wake();
    });
    stream.on('drain', () => this.wake());
  }

  /** A person looks at it. */
  get isTerminal(): boolean {
    return this.stream.isTTY === true;
  }

  get isReaderGone(): boolean {
    return this.gone;
  }

  /** What a full disk or a broken terminal says. */
  async write(content: string | Uint8Array): Promise<void> {
    this.check();
    if (this.gone || this.stream.write(content)) return;
    await this.drained();
    this.check();
  }

  /** Settles when everything written has left the process. */
  async flush(): Promise<void> {
    if (!this.gone && this.stream.writableLength > 0) {
      await new Promise<void>((resolve) => {
        this.waiting.add(resolve);
        this.stream.write('', () => resolve());
      });
    }
    this.check();
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  private drained(): Promise<void> {
    return new Promise((resolve) => this.waiting.add(resolve));
  }

  private wake(): void {
    for (const resume of [...this.waiting]) resume();
    this.waiting.clear();
  }
}
