import type { GitOutcome } from './host';

/** Why a git command failed, as far as what a person can do about it differs. */
export type GitFailureKind =
  | 'no-repository'
  | 'not-owner'
  | 'locked'
  | 'would-overwrite'
  | 'conflict'
  | 'empty-commit'
  | 'no-identity'
  | 'no-upstream'
  | 'rejected'
  | 'refused'
  | 'stale-lease'
  | 'authentication'
  | 'host-key'
  | 'unreachable'
  | 'signing'
  | 'hook'
  | 'patch'
  | 'exists'
  | 'not-merged'
  | 'missing-object'
  | 'old-git'
  | 'other';

/** The rows are tried in order; each is what git says with LC_ALL=C, in versions 2.20 to 2.5x. */
const words: readonly (readonly [GitFailureKind, RegExp])[] = [
  ['not-owner', /detected dubious ownership|unsafe repository/],
  ['no-repository', /not a git repository|must be run in a work tree/],
  ['locked', /Unable to create '.*\.lock': File exists|cannot lock ref|index\.lock/],
  // Before what names the remote: the lazy fetch of an object says both.
  ['missing-object', /from promisor remote|object [0-9a-f]{40,64} .*promisor/],
  [
    'authentication',
    /Authentication failed|could not read (Username|Password)|terminal prompts disabled|Permission denied \(publickey|HTTP 40[13]|Invalid username or password/,
  ],
  ['host-key', /Host key verification failed/],
  [
    'unreachable',
    /Could not resolve host|Connection (refused|timed out|reset)|unable to access|Could not read from remote repository|does not appear to be a git repository/,
  ],
  ['stale-lease', /\(stale info\)|remote ref updated since checkout/],
  ['hook', /hook declined/],
  ['refused', /\[remote rejected\]/],
  ['rejected', /\[rejected\]|non-fast-forward|fetch first/],
  ['no-upstream', /no upstream branch|no tracking information|has no upstream/],
  [
    'signing',
    /gpg failed to sign|failed to write commit object|error: .*sign(ing)? failed|Couldn't (load|sign)/,
  ],
  ['no-identity', /Please tell me who you are|unable to auto-detect email|empty ident name/],
  [
    'would-overwrite',
    /would be overwritten by|Please commit your changes or stash them|local changes.*overwritten/,
  ],
  [
    'conflict',
    /CONFLICT \(|could not apply|needs merge|unmerged (files|paths)|Merge conflict|You have not concluded your merge/,
  ],
  [
    'empty-commit',
    /nothing to commit|nothing added to commit|no changes added to commit|previous cherry-pick is now empty|Aborting commit due to empty/,
  ],
  ['patch', /patch does not apply|patch failed|corrupt patch/],
  ['not-merged', /is not fully merged/],
  ['exists', /already exists/],
  ['old-git', /unknown option|unknown switch|usage: git /],
  ['hook', /pre-commit|commit-msg|pre-push|pre-receive|\bhooks?\b.*(failed|exited|declined)/],
];

/** A git command that did not do what it was asked for. `words` is git's own text: foreign, and made fit before it is shown. */
export class GitFailure extends Error {
  readonly kind: GitFailureKind;

  /** @param kind where the caller knows it better than git's words tell */
  constructor(
    readonly command: string,
    readonly outcome: GitOutcome,
    kind?: GitFailureKind,
  ) {
    const text = `${outcome.stderr.toString('utf8')}\n${outcome.stdout.subarray(0, 8192).toString('utf8')}`;
    super(`git ${command} ended with ${outcome.code}`);
    this.name = 'GitFailure';
    this.words = text.trim();
    this.kind = kind ?? words.find(([, pattern]) => pattern.test(text))?.[0] ?? 'other';
  }

  readonly words: string;
}
