/** What the daemon and a process that searches for it tell each other. */
import type { FoundFile, FoundNote } from './found';
import type { TextQuery } from './pattern';

export interface FindJob {
  /** Without a query only names are wanted. */
  readonly query: TextQuery | undefined;
  readonly latin1: boolean;
  /** Absolute, as latin1. */
  readonly root: string;
  /** Below the root, as latin1: where the search begins. */
  readonly part: string;
  /** Below the root: other filesystems are mounted there. */
  readonly others: readonly string[];
  /** As latin1. */
  readonly globs: readonly string[];
  readonly hidden: boolean;
  readonly ignoreFiles: boolean;
  readonly fileBytesMax: number;
  /** How long the expression may take in one file of ordinary size. */
  readonly fileMs: number;
}

/** `take`: what was sent so far has been taken. */
export type FindCommand = { readonly job: FindJob } | { readonly take: number };

export type FindReport =
  | { readonly found: FoundFile }
  | { readonly names: readonly string[] }
  | { readonly note: FoundNote }
  | { readonly done: { readonly files: number } }
  | { readonly failed: string };

/** What one of its threads is told, and tells. */
export interface ThreadStart {
  readonly role: typeof FIND_ROLE;
  readonly query: TextQuery;
  readonly latin1: boolean;
  readonly root: string;
  readonly fileBytesMax: number;
  /** ThreadWord */
  readonly words: SharedArrayBuffer;
}

export const FIND_ROLE = 'find';

/** Words by which a thread says what it does, also when it can say nothing any more. */
export const ThreadWord = {
  /** The file of the batch, from 1; 0 between two. */
  FILE: 0,
  /** Grows with each file: two of the same index are told apart. */
  SERIAL: 1,
  /** Its size in MiB, once it is read. */
  MEGABYTES: 2,
} as const;

export type ThreadReport =
  | { readonly found: FoundFile }
  | { readonly note: FoundNote }
  | { readonly batch: true };
