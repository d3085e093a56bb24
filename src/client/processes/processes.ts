/** What runs on the host, as the editor and the command line see it. */
import type { Readable, Writable } from 'node:stream';
import type { Disposable } from '../../base/dispose';

export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

export interface StartOptions {
  /** A program and its arguments, in the environment of a login; or the user's login shell, with a command or alone. */
  readonly run: { readonly program: readonly string[] } | { readonly shell: string | undefined };
  /** A path of the host, in the text form of names.ts; absent: the user's home. */
  readonly cwd?: string;
  /** On top of what a login sets. */
  readonly env?: Readonly<Record<string, string>>;
  /** On a terminal; else on pipes. */
  readonly terminal?: TerminalSize;
  /** A login shell's prompts and commands are marked (OSC 633) with this nonce, and `lm` is found there. */
  readonly nonce?: string;
  /** On pipes: git and ssh that it starts ask for passwords through `onAsk`, with a body of kind 'ask'. */
  readonly asks?: boolean;
  /** It may outlive this client for a few minutes, to be adopted by another one with its key. Only terminals are shown again. */
  readonly keep?: boolean;
  /** Bytes of a stream that may be on their way, or wait for their reader here. Default: 1 MiB, or 64 KiB of a terminal. */
  readonly window?: number;
}

/** How a process ended: by a signal (not 0), or else with a code. */
export interface ProcessEnd {
  readonly code: number;
  readonly signal: number;
}

/** `lm` was called in the process's terminal, or a program below it needs a password. Whoever takes it answers, once. */
export interface Ask {
  /** What it wants, in JSON; it comes from the host. */
  readonly body: string;
  answer(status: number, message?: string): void;
}

/** A process of the host. It survives dropped links; disposing it hangs it up, with all that it started. */
export interface RemoteProcess extends Disposable {
  readonly pid: number;
  /** What adopts it, where it was started to be kept. */
  readonly key: string;
  /** Ends with the process. Unread output makes the process wait. */
  readonly output: Readable;
  /** Of pipes; a terminal's ends at once. */
  readonly errors: Readable;
  /** Ending it is its end of file. Gone silently once the process reads no more. */
  readonly input: Writable;
  /** Resolves when all output has arrived here, read or not. Rejects when the agent was lost, and the process with it. */
  readonly ended: Promise<ProcessEnd>;
  resize(size: TerminalSize): void;
  /** ESRCH when it has ended. */
  signal(signal: number): Promise<void>;
  onAsk(listener: (ask: Ask) => void): Disposable;
  /** Leaves it running for whoever adopts it. */
  leave(): void;
}

export interface ListeningPort {
  readonly port: number;
  readonly address: string;
  readonly pid: number;
  readonly command: string;
}

/** All that can be run on one host. ENOSYS where nothing can. */
export interface Processes {
  start(options: StartOptions): Promise<RemoteProcess>;
  /** A kept process of an earlier client, with at most `history` bytes of what it printed last. ENOENT: it is gone. */
  adopt(key: string, options: { readonly history: number; readonly window?: number }): Promise<RemoteProcess>;
  /** Ports that the user's own processes listen on. */
  ports(): Promise<readonly ListeningPort[]>;
}

/** What a program printed, and how it ended. */
export interface Ran extends ProcessEnd {
  readonly output: Buffer;
  readonly errors: Buffer;
}
