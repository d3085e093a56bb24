/** What the daemon and the process that keeps lists of names tell each other. Paths are below the root, as latin1. */
import type { RankedName } from './nameList';

export interface NamesOpening {
  /** Absolute, as latin1. */
  readonly root: string;
  readonly globs: readonly string[];
  readonly hidden: boolean;
  readonly ignoreFiles: boolean;
  readonly most: number;
}

export interface NameChange {
  readonly kind: 'appeared' | 'gone';
  readonly path: string;
  readonly isFolder: boolean;
  /** The filesystem may be asked: it does not keep anybody waiting. */
  readonly mayLook: boolean;
}

export type NamesCommand =
  | { readonly list: number; readonly open: NamesOpening }
  | { readonly list: number; readonly add: readonly string[] }
  | { readonly list: number; readonly changes: readonly NameChange[] }
  | { readonly list: number; readonly close: true }
  | { readonly list: number; readonly question: number; readonly pattern: string; readonly count: number };

export type NamesReport =
  | {
      readonly question: number;
      readonly names: readonly RankedName[];
      readonly size: number;
      readonly full: boolean;
    }
  /** What is left out may have changed: the list must be made anew. */
  | { readonly stale: number };
