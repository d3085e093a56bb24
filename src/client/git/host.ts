/**
 * What the git part needs of a host, and nothing more: to run the host's own `git`, and to look at a few files of a
 * repository's administrative folder. Paths are in the text form of tree/names.ts.
 */

/** A question on the way to a remote. The prompt is foreign text; that of an ssh may be the words of the server. */
export interface GitQuestion {
  readonly by: 'git' | 'ssh';
  readonly prompt: string;
}

export interface GitCall {
  /** What stands behind `git`: templates of ours with data in places where git takes data only. */
  readonly args: readonly string[];
  /** The folder git runs in. */
  readonly cwd: string;
  readonly stdin?: Buffer;
  /** Beside the login environment and what `gitEnvironment` sets. Never a secret: other users can read environments. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Answers what git, or an ssh that it starts, asks for; undefined: nobody does, and git fails as without a password. */
  readonly ask?: (question: GitQuestion) => Promise<string | undefined>;
  /** Answers what an ssh that git starts asks an SSH agent for; absent: the host's own agent, if it has one. */
  readonly agent?: (request: Buffer) => Promise<Buffer | undefined>;
  /** Receives standard output as it comes; the outcome's `stdout` is then empty. */
  readonly output?: (chunk: Buffer) => void;
  /** Receives standard error as it comes: git's progress. */
  readonly progress?: (chunk: Buffer) => void;
}

export interface GitOutcome {
  /** Exit status; 128 + n when signal n ended it. */
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

export interface GitHost {
  /**
   * Runs git to its end. Resolves also when git fails, with its status; rejects with an ErrnoError when it could not be
   * run: ENOENT when the host has no git, EFBIG when it printed more than the host's part keeps, ECANCELED by `signal`.
   */
  git(call: GitCall): Promise<GitOutcome>;
  /** Runs a script of ours in the host's `sh`. The arguments are data: `$1`, `$2`, … Fails as `git` does. */
  script(
    text: string,
    args: readonly string[],
    how?: Pick<GitCall, 'signal' | 'output'>,
  ): Promise<GitOutcome>;
  exists(path: string): Promise<boolean>;
  /** A small file of the administrative folder; undefined when it is not there. */
  read(path: string): Promise<Buffer | undefined>;
  /** Removes one file that git left behind. */
  remove(path: string): Promise<void>;
  /** Of the host's calendar, in seconds since 1970: what is kept for a week is counted in it. */
  seconds(): number;
}
