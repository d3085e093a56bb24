import type { Readable, Writable } from 'node:stream';

export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** What is to be started. */
export interface ProcessSpec {
  /** The login shell, with its command as the only argument if there is one; else these are the program's arguments. */
  readonly shell: boolean;
  /** The shell marks its prompts and commands, and finds `lm`. */
  readonly marks: boolean;
  /** Programs for passwords ask the client. */
  readonly asks: boolean;
  readonly args: readonly Buffer[];
  /** Empty: the user's home. */
  readonly cwd: Buffer;
  /** `NAME=value`, on top of what a login sets. */
  readonly env: readonly Buffer[];
  /** On a terminal of this size; undefined: on pipes. */
  readonly terminal: TerminalSize | undefined;
}

/** How a process ended: by a signal (not 0), or else with a code. */
export interface ProcessEnd {
  readonly code: number;
  readonly signal: number;
}

/** What a process writes to. One that has `reuse` reads into memory of its own, and gets back what it gave. */
export interface OutputSource extends Readable {
  reuse?(bytes: Buffer): void;
}

/** A process of the host. Whoever started it ends it. */
export interface HostProcess {
  readonly pid: number;
  /** What it reads; ending it is its end of file. */
  readonly input: Writable;
  /** Its output and its errors; a terminal has only the first. They end with it, or with the last that writes to them. */
  readonly outputs: readonly OutputSource[];
  /** Never rejects. */
  readonly exit: Promise<ProcessEnd>;
  resize(size: TerminalSize): void;
  /** To its group, or the foreground group of its terminal. ESRCH when there is none. */
  signal(signal: number): void;
  /** Hangs up, and kills what is left of its session a while later. Resolves when nothing of it is left. */
  end(): Promise<void>;
}

/** A port that something of the user's listens on. */
export interface ListeningPort {
  readonly port: number;
  readonly address: string;
  readonly pid: number;
  readonly command: string;
}

/** What a program in a terminal of ours asks the client for. */
export interface ProcessAsk {
  /** Names the terminal: from the process's own environment. */
  readonly token: string;
  readonly body: Buffer;
  answer(status: number, message: string): void;
}

/** How the server starts processes. */
export interface ProcessHost {
  /** ENOENT, ENOTDIR, EACCES: the directory; else what starting it said. `token` names it in `onAsk`. */
  start(spec: ProcessSpec, token: string, signal: AbortSignal | undefined): Promise<HostProcess>;
  ports(): Promise<readonly ListeningPort[]>;
  /** Sets the one listener for asks. It returns what takes the ask back when the client is gone. */
  onAsk(listener: (ask: ProcessAsk) => (() => void) | undefined): void;
}
