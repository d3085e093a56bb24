/** Where a terminal of ours says how `lm` reaches its daemon, and which terminal it is called in. */
export const SOCKET_VARIABLE = 'LIVEMOUNT_SOCKET';
export const TERMINAL_VARIABLE = 'LIVEMOUNT_TERMINAL';

/** More than any command line of `lm` has. */
export const REQUEST_LIMIT = 256 << 10;
export const REPLY_LIMIT = 16 << 10;

/** What `lm` asks the window for, which gets it as JSON. Paths are absolute. */
export type LmRequest =
  | {
      readonly kind: 'open';
      readonly files: readonly {
        readonly path: string;
        readonly isFolder: boolean;
        /** From 1. */
        readonly line?: number;
        readonly column?: number;
      }[];
      /** The answer comes when the files are closed again. */
      readonly wait: boolean;
    }
  /** A program's question. `by` is whose words the prompt is: git's own, or those of ssh, which a server can make up. */
  | { readonly kind: 'ask'; readonly by: 'git' | 'ssh'; readonly prompt: string }
  | { readonly kind: 'diff'; readonly left: string; readonly right: string; readonly wait: boolean };

/** One line of JSON from `lm`. */
export interface LmCall {
  readonly token: string;
  readonly request: LmRequest;
}

/** One line of JSON to `lm`. */
export interface LmReply {
  readonly status: number;
  readonly message: string;
}
