import type { HostDescription } from './noRuntime';

/** A Node program for one kind of host. */
export interface Runtime {
  /** Without the `v`: `22.12.0`. */
  readonly version: string;
  /** SHA-256 of the program, in hex. */
  readonly sha256: string;
  /** The program, compressed with gzip. */
  readonly packed: Buffer;
}

/** Finds a Node for a host that has none; undefined where there is none for its kind. */
export type RuntimeSource = (host: HostDescription) => Promise<Runtime | undefined>;
