import { ErrnoError } from '../../protocol/errno';
import { bytesOf, textOf } from '../../protocol/names';
import { type BlameLine, parseBlame } from './blame';
import { LITERAL } from './call';
import { GitFailure } from './failure';
import type { GitCall, GitHost, GitOutcome, GitQuestion } from './host';
import { type Commit, type CommitFile, LOG_ARGS, parseLog, parseNameStatus } from './log';
import { objectName, refName, revisionName, stashName } from './names';
import { parseRefs, REFS_ARGS, type Ref } from './refs';
import { type GitStatus, STATUS_ARGS, StatusParser } from './status';
import { GitVersion, OLDEST_GIT } from './version';

/** What stands half done in a repository. */
export type Unfinished = 'merge' | 'rebase' | 'cherry-pick' | 'revert' | 'bisect';

export interface Stash {
  readonly index: number;
  readonly oid: string;
  /** Seconds since 1970. */
  readonly made: number;
  readonly message: string;
}

/** The content of a path at a revision or in the index. */
export interface Blob {
  readonly oid: string;
  readonly bytes: Buffer;
}

/** A stage of a conflicted path in the index: the common base, ours, theirs. */
export const stages = { base: 1, ours: 2, theirs: 3 } as const;

/** What a commit led to; both are the words of others. */
export interface Committed {
  /** Git's own line. */
  readonly summary: string;
  /** What hooks printed; empty when they were silent. */
  readonly hooks: string;
}

/** What fits into one command line where git reads no paths from standard input: far below ARG_MAX of any host. */
const ARGUMENT_BYTES = 100_000;
/** A commit message, a branch's description: what stands in a command's answer and is looked at as a whole. */
const SMALL_FILE = 64 << 10;

interface Places {
  /** The work tree; of a bare repository there is none. */
  readonly root: string;
  readonly gitDir: string;
  readonly commonDir: string;
}

/** Git on the host: its version, once for each connection. ENOSYS says that the host has none, or one too old. */
export async function gitVersion(host: GitHost, cwd: string): Promise<GitVersion> {
  const outcome = await host.git({ args: ['--version'], cwd }).catch((error) => {
    if (error instanceof ErrnoError && error.code === 'ENOENT')
      throw new ErrnoError('ENOSYS', 'there is no git on the host');
    throw error;
  });
  const version = GitVersion.parse(outcome.stdout.toString('utf8'));
  if (outcome.code !== 0 || !version) throw new ErrnoError('ENOSYS', 'there is no git on the host');
  if (!version.atLeast(OLDEST_GIT)) {
    throw new ErrnoError('ENOSYS', `git ${version.text} is older than ${OLDEST_GIT.join('.')}`);
  }
  return version;
}

/**
 * One work tree and what can be done with it. Each method is a template of a git command; what a person or the host named
 * goes in as data: paths behind `--` or on standard input and taken literally, refs and objects through names.ts.
 * Every failure of git is a GitFailure. It holds nothing but its places and is not disposed.
 */
export class GitRepository {
  private constructor(
    private readonly host: GitHost,
    readonly version: GitVersion,
    private readonly places: Places,
  ) {}

  get root(): string {
    return this.places.root;
  }

  /** The administrative folder of this work tree, and the one that linked work trees share. */
  get gitDir(): string {
    return this.places.gitDir;
  }

  get commonDir(): string {
    return this.places.commonDir;
  }

  /**
   * The repository that `folder` lies in, or undefined where there is none (or only a bare one).
   * Throws a GitFailure of kind 'not-owner' where git refuses a folder of somebody else.
   */
  static async find(host: GitHost, version: GitVersion, folder: string): Promise<GitRepository | undefined> {
    const args = ['rev-parse', '--show-toplevel', '--absolute-git-dir', '--git-common-dir'];
    const outcome = await host.git({ args, cwd: folder });
    if (outcome.code !== 0) {
      const failure = new GitFailure('rev-parse', outcome);
      if (failure.kind === 'no-repository') return undefined;
      throw failure;
    }
    // A path with a line break in it can't be told apart here; such a repository is not offered.
    const lines = textOf(outcome.stdout).replace(/\n$/, '').split('\n');
    const [root, gitDir, common] = lines;
    if (lines.length !== 3 || !root || !gitDir || !common) return undefined;
    const commonDir = common.startsWith('/') ? common : normal(`${folder}/${common}`);
    return new GitRepository(host, version, { root, gitDir, commonDir });
  }

  /** One round trip. */
  async status(signal?: AbortSignal): Promise<GitStatus> {
    const parser = new StatusParser();
    await this.run({ args: STATUS_ARGS, output: (chunk) => parser.push(chunk), ...(signal && { signal }) });
    return parser.finish();
  }

  /** What was begun and not ended. The files are looked up through the caches, so under a watch this asks nothing. */
  async unfinished(): Promise<Unfinished | undefined> {
    const signs: readonly (readonly [string, Unfinished])[] = [
      ['rebase-merge', 'rebase'],
      ['rebase-apply', 'rebase'],
      ['MERGE_HEAD', 'merge'],
      ['CHERRY_PICK_HEAD', 'cherry-pick'],
      ['REVERT_HEAD', 'revert'],
      ['BISECT_LOG', 'bisect'],
    ];
    const there = await Promise.all(signs.map(([file]) => this.host.exists(`${this.gitDir}/${file}`)));
    return signs[there.indexOf(true)]?.[1];
  }

  /** The message that a merge, revert or squash prepared, without its comments. */
  async preparedMessage(): Promise<string> {
    for (const file of ['MERGE_MSG', 'SQUASH_MSG']) {
      const text = await this.host.read(`${this.gitDir}/${file}`);
      if (text && text.length <= SMALL_FILE)
        return text
          .toString('utf8')
          .replace(/^#.*\n?/gm, '')
          .trim();
    }
    return '';
  }

  // What is staged -----------------------------------------------------------------------------------------------

  /** Puts the work tree's content (or absence) of the paths into the index; conflicts among them count as resolved. */
  stage(paths: readonly string[]): Promise<void> {
    return this.withPaths(['add', '-A'], paths);
  }

  stageAll(): Promise<void> {
    return this.ran([LITERAL, 'add', '-A', '--', '.']);
  }

  /** Takes the paths back to what HEAD has; before the first commit that is nothing. */
  unstage(paths: readonly string[]): Promise<void> {
    return this.withPaths(['reset', '-q'], paths);
  }

  unstageAll(): Promise<void> {
    return this.ran(['reset', '-q']);
  }

  /** Applies a patch to the index alone; a GitFailure of kind 'patch' when the index has other content by now. */
  async applyToIndex(patch: Buffer): Promise<void> {
    await this.run({
      args: ['apply', '--cached', '--unidiff-zero', '--whitespace=nowarn', '-'],
      stdin: patch,
    });
  }

  /** The lines that differ between the index and the work tree, or with `staged` between HEAD and the index. */
  async diff(path: string, { staged = false }: { readonly staged?: boolean } = {}): Promise<Buffer> {
    const { stdout } = await this.run({
      args: [
        LITERAL,
        'diff',
        '--no-ext-diff',
        '--no-textconv',
        '-U0',
        ...(staged ? ['--cached'] : []),
        '--',
        path,
      ],
    });
    return stdout;
  }

  // What is thrown away, and kept for a while ----------------------------------------------------------------------

  /**
   * Brings tracked paths back to the index's content and removes untracked ones. What they held is kept first, as a commit
   * below refs/livemount/discards, for KEPT_SECONDS; the result is its name.
   */
  async discard(tracked: readonly string[], untracked: readonly string[]): Promise<string> {
    const kept = await this.keep([...tracked, ...untracked]);
    if (tracked.length > 0) await this.withPaths(['checkout', '-q'], tracked);
    if (untracked.length > 0)
      await this.withPaths(['clean', '-q', '-f', '-d', '-x'], untracked, { stdin: false });
    return kept;
  }

  /** Commits what the work tree has of the paths beside everything: the index, HEAD and branches stay as they are. */
  private async keep(paths: readonly string[]): Promise<string> {
    await this.forgetOldDiscards();
    return this.withOwnIndex(async (env) => {
      const head = await this.headOid();
      if (head) await this.run({ args: ['read-tree', head], env });
      // An ignored file that is discarded by name is kept like any other.
      await this.withPaths(['add', '-A', '-f'], paths, { env });
      const tree = await this.line({ args: ['write-tree'], env });
      const commit = await this.line({
        args: [
          ...[
            '-c',
            'user.name=Livemount',
            '-c',
            'user.email=livemount@localhost',
            '-c',
            'commit.gpgSign=false',
          ],
          ...['commit-tree', objectName(tree), ...(head ? ['-p', head] : [])],
        ],
        stdin: Buffer.from(`Discarded changes of ${paths.length} paths\n`),
      });
      const ref = `${DISCARDS}/${this.host.seconds()}-${commit.slice(0, 12)}`;
      await this.ran(['update-ref', ref, objectName(commit)]);
      return ref;
    });
  }

  /** Puts back what `discard` kept: the work tree's content of the paths. The index stays as it is. */
  async restoreDiscarded(kept: string, paths: readonly string[]): Promise<void> {
    await this.withOwnIndex(async (env) => {
      await this.run({ args: ['read-tree', `${refName(kept)}^{tree}`], env });
      for (const lot of lots(paths)) {
        const { stdout } = await this.run({ args: [LITERAL, 'ls-files', '-z', '--', ...lot], env });
        if (stdout.length > 0)
          await this.run({ args: ['checkout-index', '-q', '-f', '-z', '--stdin'], stdin: stdout, env });
      }
    });
  }

  /** Work with an index beside the repository's, which is gone afterwards. */
  private async withOwnIndex<T>(work: (env: Readonly<Record<string, string>>) => Promise<T>): Promise<T> {
    const stamp = `${this.host.seconds()}.${Math.trunc(performance.now() * 1000)}`;
    const index = `${this.gitDir}/livemount-discard.${stamp}`;
    try {
      return await work({ GIT_INDEX_FILE: index });
    } finally {
      await this.host.remove(index).catch(() => undefined);
      await this.host.remove(`${index}.lock`).catch(() => undefined);
    }
  }

  private async forgetOldDiscards(): Promise<void> {
    const { stdout } = await this.run({ args: ['for-each-ref', '--format=%(refname)', DISCARDS] });
    const old = stdout
      .toString('utf8')
      .split('\n')
      .filter((ref) => {
        const made = Number(/\/(\d+)-[0-9a-f]+$/.exec(ref)?.[1] ?? Number.NaN);
        return made < this.host.seconds() - KEPT_SECONDS;
      });
    for (const ref of old) await this.ran(['update-ref', '-d', refName(ref)]);
  }

  // Commits --------------------------------------------------------------------------------------------------------

  /**
   * Commits the index. Hooks run, and what they printed is in the result, beside git's own summary.
   * A GitFailure of kind 'empty-commit', 'no-identity', 'signing' or 'hook' says why nothing was committed.
   */
  async commit(
    message: string,
    options: {
      readonly amend?: boolean;
      readonly signOff?: boolean;
      readonly all?: boolean;
      readonly noVerify?: boolean;
    } = {},
  ): Promise<Committed> {
    const call = {
      args: [
        'commit',
        '-F',
        '-',
        ...(options.amend ? ['--amend'] : []),
        ...(options.signOff ? ['--signoff'] : []),
        ...(options.all ? ['--all'] : []),
        ...(options.noVerify ? ['--no-verify'] : []),
      ],
      stdin: Buffer.from(message),
    };
    const outcome = await this.host.git({ ...call, cwd: this.root });
    if (outcome.code !== 0) throw commitFailure(outcome);
    return { summary: outcome.stdout.toString('utf8').trim(), hooks: outcome.stderr.toString('utf8').trim() };
  }

  /**
   * Messages that were committed here, newest first and each once, also those that were amended or undone since: git's
   * journal of HEAD knows them. Where there is no journal there are none.
   */
  async earlierMessages(most = 50): Promise<string[]> {
    const outcome = await this.host.git({
      args: ['log', '-g', '-z', '--no-show-signature', '--format=%gs%x1f%B', '--max-count=500', 'HEAD', '--'],
      cwd: this.root,
    });
    if (outcome.code !== 0) return [];
    const messages = new Set<string>();
    for (const record of outcome.stdout.toString('utf8').split('\0')) {
      const end = record.indexOf('\x1f');
      const message = record.slice(end + 1).trim();
      // What a pull or a checkout came to was written by others.
      if (end !== -1 && message !== '' && /^\n?commit\b/.test(record) && messages.size < most)
        messages.add(message);
    }
    return [...messages];
  }

  /** The message of HEAD, for amending and for undoing. */
  async headMessage(): Promise<string> {
    const { stdout } = await this.run({
      args: ['log', '-1', '--no-show-signature', '--format=%B', 'HEAD', '--'],
    });
    return stdout.toString('utf8').trimEnd();
  }

  /** Takes the last commit back and leaves its content staged. Returns its message. */
  async undoCommit(): Promise<string> {
    const message = await this.headMessage();
    const parent = await this.host.git({
      args: ['rev-parse', '-q', '--verify', 'HEAD~1^{commit}'],
      cwd: this.root,
    });
    if (parent.code === 0) await this.ran(['reset', '-q', '--soft', 'HEAD~1']);
    else await this.ran(['update-ref', '-d', 'HEAD']);
    return message;
  }

  // Branches and tags ------------------------------------------------------------------------------------------------

  async refs(): Promise<Ref[]> {
    const { stdout } = await this.run({ args: REFS_ARGS });
    return parseRefs(stdout);
  }

  /** A branch, or with `detach` any commit. */
  async checkout(name: string, { detach = false }: { readonly detach?: boolean } = {}): Promise<void> {
    await this.ran(['checkout', '-q', ...(detach ? ['--detach'] : []), refName(name), '--']);
  }

  /** Makes a branch that follows a remote one, and goes to it. */
  async checkoutRemote(remoteBranch: string, local: string): Promise<void> {
    await this.ran(['checkout', '-q', '-b', refName(local), '--track', refName(remoteBranch), '--']);
  }

  async createBranch(
    name: string,
    from?: string,
    { checkout = true }: { readonly checkout?: boolean } = {},
  ): Promise<void> {
    const start = from === undefined ? [] : [refName(from)];
    if (checkout) await this.ran(['checkout', '-q', '-b', refName(name), ...start, '--']);
    else await this.ran(['branch', refName(name), ...start]);
  }

  async renameBranch(name: string, to: string): Promise<void> {
    await this.ran(['branch', '-m', refName(name), refName(to)]);
  }

  /** Without `force` a GitFailure of kind 'not-merged' where commits would be lost. */
  async deleteBranch(name: string, { force = false }: { readonly force?: boolean } = {}): Promise<void> {
    await this.ran(['branch', force ? '-D' : '-d', '--', refName(name)]);
  }

  async createTag(name: string, message: string, at = 'HEAD'): Promise<void> {
    const args =
      message === ''
        ? ['tag', refName(name), refName(at)]
        : ['tag', '-a', '-F', '-', refName(name), refName(at)];
    await this.run({ args, ...(message !== '' && { stdin: Buffer.from(message) }) });
  }

  async deleteTag(name: string): Promise<void> {
    await this.ran(['tag', '-d', '--', refName(name)]);
  }

  // Joining lines of work ----------------------------------------------------------------------------------------------

  /** A GitFailure of kind 'conflict' leaves the merge to be continued or aborted; so do the next three. */
  async merge(name: string): Promise<void> {
    await this.ran(['merge', '--no-edit', refName(name)]);
  }

  async rebase(onto: string): Promise<void> {
    await this.ran(['rebase', refName(onto)]);
  }

  /** Of a merge: what it brought to its first parent. False when nothing of that is missing here; so does `revert`. */
  async cherryPick({ oid, parents }: Pick<Commit, 'oid' | 'parents'>): Promise<boolean> {
    return this.replay(['cherry-pick', ...mainlineOf(parents), objectName(oid)]);
  }

  async revert({ oid, parents }: Pick<Commit, 'oid' | 'parents'>): Promise<boolean> {
    return this.replay(['revert', '--no-edit', ...mainlineOf(parents), objectName(oid)]);
  }

  private async replay(args: readonly string[]): Promise<boolean> {
    try {
      await this.ran(args);
      return true;
    } catch (error) {
      if (!(error instanceof GitFailure) || error.kind !== 'empty-commit') throw error;
      // A pick that came to nothing waits to be skipped. Git refused to begin on a staged change, so nothing is unstaged.
      if ((await this.unfinished()) !== undefined) await this.ran(['reset', '-q']);
      return false;
    }
  }

  /** Goes on with what is unfinished, leaves its current step out, or takes all of it back. */
  async resume(what: Exclude<Unfinished, 'bisect'>, how: 'continue' | 'skip' | 'abort'): Promise<void> {
    if (what === 'merge' && how === 'skip') throw new ErrnoError('EINVAL', 'a merge has no steps to skip');
    if (how === 'skip' && what !== 'rebase' && !this.version.has('skipPick')) {
      await this.ran(['reset', '-q', '--merge']);
      if (await this.host.exists(`${this.gitDir}/sequencer/todo`)) await this.ran([what, '--continue']);
      return;
    }
    // `merge --continue` is `commit`, with the same hooks.
    await this.ran([what, `--${how}`]);
  }

  // Stashes ------------------------------------------------------------------------------------------------------------

  async stashes(): Promise<Stash[]> {
    if (!(await this.host.exists(`${this.commonDir}/refs/stash`))) {
      // Packed refs have no file of their own.
      const there = await this.host.git({
        args: ['rev-parse', '-q', '--verify', 'refs/stash'],
        cwd: this.root,
      });
      if (there.code !== 0) return [];
    }
    const { stdout } = await this.run({ args: ['stash', 'list', '-z', '--format=%H%x1f%ct%x1f%gs'] });
    return stdout
      .toString('utf8')
      .split('\0')
      .filter(Boolean)
      .map((record, index) => {
        const [oid = '', made = '', message = ''] = record.split('\x1f');
        return { index, oid, made: Number(made), message };
      });
  }

  /** Kind 'staged' needs git 2.35: EOPNOTSUPP before. */
  async stash(
    message: string,
    {
      kind = 'tracked',
      keepIndex = false,
    }: { readonly kind?: 'tracked' | 'untracked' | 'staged'; readonly keepIndex?: boolean } = {},
  ): Promise<void> {
    if (kind === 'staged' && !this.version.has('stashStaged')) {
      throw new ErrnoError('EOPNOTSUPP', `git ${this.version.text} can't stash what is staged alone`);
    }
    await this.ran([
      'stash',
      'push',
      '-q',
      ...(kind === 'untracked' ? ['--include-untracked'] : []),
      ...(kind === 'staged' ? ['--staged'] : []),
      ...(keepIndex ? ['--keep-index'] : []),
      ...(message === '' ? [] : [`--message=${message}`]),
    ]);
  }

  async applyStash(index: number, { drop = false }: { readonly drop?: boolean } = {}): Promise<void> {
    await this.ran(['stash', drop ? 'pop' : 'apply', '-q', stashName(index)]);
  }

  async dropStash(index: number): Promise<void> {
    await this.ran(['stash', 'drop', '-q', stashName(index)]);
  }

  // Remotes --------------------------------------------------------------------------------------------------------------

  async remotes(): Promise<string[]> {
    const { stdout } = await this.run({ args: ['remote'] });
    return stdout.toString('utf8').split('\n').filter(Boolean);
  }

  async fetch(remote: string | undefined, transfer: Transfer = {}): Promise<void> {
    await this.run({
      args: ['fetch', '--progress', ...(remote === undefined ? ['--all'] : [refName(remote)])],
      ...transfer,
    });
  }

  /** Whether older commits were left on the remote. Looked up through the caches. */
  isShallow(): Promise<boolean> {
    return this.host.exists(`${this.commonDir}/shallow`);
  }

  /** Fetches the commits that a shallow clone left on the remote. */
  async fetchAll(transfer: Transfer = {}): Promise<void> {
    await this.run({ args: ['fetch', '--progress', '--unshallow'], ...transfer });
  }

  async pull({ rebase = false, ...transfer }: Transfer & { readonly rebase?: boolean } = {}): Promise<void> {
    await this.run({
      args: ['pull', '--progress', '--no-edit', rebase ? '--rebase' : '--no-rebase'],
      ...transfer,
    });
  }

  /** Pushes one branch under its own name. `force` only replaces what the last fetch saw. */
  async push(
    remote: string,
    branch: string,
    options: Transfer & {
      readonly setUpstream?: boolean;
      readonly force?: boolean;
      readonly tags?: boolean;
    } = {},
  ): Promise<void> {
    const { setUpstream, force, tags, ...transfer } = options;
    const ref = `refs/heads/${refName(branch)}`;
    await this.run({
      args: [
        'push',
        '--progress',
        ...(setUpstream ? ['--set-upstream'] : []),
        ...(force
          ? ['--force-with-lease', ...(this.version.has('forceIfIncludes') ? ['--force-if-includes'] : [])]
          : []),
        ...(tags ? ['--follow-tags'] : []),
        refName(remote),
        `${ref}:${ref}`,
      ],
      ...transfer,
    });
  }

  // Looking ------------------------------------------------------------------------------------------------------------------

  /**
   * The object that a path is at a revision, or at a stage of the index (0 where there is no conflict). Undefined where it
   * has none there.
   */
  async objectOf(
    at: { readonly ref: string } | { readonly stage: 0 | 1 | 2 | 3 },
    path: string,
  ): Promise<string | undefined> {
    const source = 'ref' in at ? revisionName(at.ref) : `:${at.stage}`;
    const outcome = await this.host.git({
      args: ['rev-parse', '-q', '--verify', `${source}:${path}`],
      cwd: this.root,
    });
    return outcome.code === 0 ? objectName(outcome.stdout.toString('latin1').trim()) : undefined;
  }

  /** The content a path has at a revision or stage. */
  async blob(at: Parameters<GitRepository['objectOf']>[0], path: string): Promise<Blob | undefined> {
    const oid = await this.objectOf(at, path);
    return oid === undefined ? undefined : { oid, bytes: await this.object(oid) };
  }

  /** The bytes of a blob. They never change, so they may be cached for ever under its name. */
  async object(oid: string): Promise<Buffer> {
    const { stdout } = await this.run({ args: ['cat-file', 'blob', objectName(oid)] });
    return stdout;
  }

  async log(options: {
    readonly count: number;
    readonly skip?: number;
    readonly all?: boolean;
    readonly ref?: string;
    readonly path?: string;
    /** Words of the message, as text. */
    readonly grep?: string;
  }): Promise<Commit[]> {
    const { count, skip = 0, all, ref, path, grep } = options;
    if (!(await this.hasCommits()) && !all) return [];
    const { stdout } = await this.run({
      args: [
        LITERAL,
        ...LOG_ARGS,
        '--topo-order',
        `--max-count=${count}`,
        `--skip=${skip}`,
        ...(grep ? ['--fixed-strings', '--regexp-ignore-case', `--grep=${grep}`] : []),
        ...(path !== undefined ? ['--follow'] : []),
        // Not the refs that only keep what was discarded.
        ...(all
          ? ['--exclude=refs/livemount/*', '--exclude=refs/stash', '--all', 'HEAD']
          : [ref ? refName(ref) : 'HEAD']),
        '--',
        ...(path !== undefined ? [path] : []),
      ],
    });
    return parseLog(stdout);
  }

  /** What a commit changed against its first parent. */
  async filesOf(oid: string): Promise<CommitFile[]> {
    const { stdout } = await this.run({
      args: [
        'diff-tree',
        '-r',
        '-z',
        '-m',
        '--first-parent',
        '--root',
        '--no-commit-id',
        '--name-status',
        '-M',
        objectName(oid),
        '--',
      ],
    });
    return parseNameStatus(stdout);
  }

  async blame(path: string): Promise<BlameLine[]> {
    const { stdout } = await this.run({ args: [LITERAL, 'blame', '--porcelain', '--', path] });
    return parseBlame(stdout);
  }

  /** Those of the paths that are ignored. */
  async ignored(paths: readonly string[]): Promise<Set<string>> {
    const outcome = await this.host.git({
      args: ['check-ignore', '-z', '--stdin'],
      cwd: this.root,
      stdin: Buffer.concat(paths.flatMap((path) => [bytesOf(path), Buffer.of(0)])),
    });
    if (outcome.code !== 0 && outcome.code !== 1) throw new GitFailure('check-ignore', outcome);
    return new Set(textOf(outcome.stdout).split('\0').filter(Boolean));
  }

  // -------------------------------------------------------------------------------------------------------------------------

  private async headOid(): Promise<string | undefined> {
    const outcome = await this.host.git({
      args: ['rev-parse', '-q', '--verify', 'HEAD^{commit}'],
      cwd: this.root,
    });
    return outcome.code === 0 ? objectName(outcome.stdout.toString('latin1').trim()) : undefined;
  }

  private async hasCommits(): Promise<boolean> {
    return (await this.headOid()) !== undefined;
  }

  /** The one line that a command prints. */
  private async line(call: Omit<GitCall, 'cwd'>): Promise<string> {
    return (await this.run(call)).stdout.toString('utf8').trim();
  }

  private async ran(args: readonly string[]): Promise<void> {
    await this.run({ args });
  }

  private async run(call: Omit<GitCall, 'cwd'>): Promise<GitOutcome> {
    const outcome = await this.host.git({ ...call, cwd: this.root });
    if (outcome.code !== 0) throw new GitFailure(commandIn(call.args), outcome);
    return outcome;
  }

  /** Runs a command on paths: from standard input where this git can, else behind `--` in lots. */
  private async withPaths(
    args: readonly string[],
    paths: readonly string[],
    { env, stdin = true }: { readonly env?: Readonly<Record<string, string>>; readonly stdin?: boolean } = {},
  ): Promise<void> {
    if (paths.length === 0) return;
    if (stdin && this.version.has('pathspecFromFile')) {
      await this.run({
        args: [LITERAL, ...args, '--pathspec-from-file=-', '--pathspec-file-nul'],
        stdin: Buffer.concat(paths.flatMap((path) => [bytesOf(path), Buffer.of(0)])),
        ...(env && { env }),
      });
      return;
    }
    for (const lot of lots(paths))
      await this.run({ args: [LITERAL, ...args, '--', ...lot], ...(env && { env }) });
  }
}

/** How long what was discarded can be had back: a week. */
export const KEPT_SECONDS = 7 * 24 * 3600;
const DISCARDS = 'refs/livemount/discards';

/** A transfer's progress and end. */
export interface Transfer {
  readonly signal?: AbortSignal;
  readonly progress?: (chunk: Buffer) => void;
  readonly ask?: (question: GitQuestion) => Promise<string | undefined>;
  readonly agent?: (request: Buffer) => Promise<Buffer | undefined>;
}

/** Makes a repository in an existing folder. */
export async function initRepository(host: GitHost, folder: string): Promise<void> {
  const outcome = await host.git({ args: ['init', '-q'], cwd: folder });
  if (outcome.code !== 0) throw new GitFailure('init', outcome);
}

/** Clones into a new folder `name` below `parent`. */
export async function cloneRepository(
  host: GitHost,
  { address, parent, name }: { readonly address: string; readonly parent: string; readonly name: string },
  transfer: Transfer = {},
): Promise<void> {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) {
    throw new ErrnoError('EINVAL', `"${name}" can't be the name of a folder`);
  }
  const outcome = await host.git({
    args: ['clone', '--progress', '--', address, `${parent}/${name}`],
    cwd: parent,
    ...transfer,
  });
  if (outcome.code !== 0) throw new GitFailure('clone', outcome);
}

function* lots(paths: readonly string[]): Iterable<string[]> {
  let lot: string[] = [];
  let bytes = 0;
  for (const path of paths) {
    const cost = Buffer.byteLength(path) + 1;
    if (lot.length > 0 && bytes + cost > ARGUMENT_BYTES) {
      yield lot;
      lot = [];
      bytes = 0;
    }
    lot.push(path);
    bytes += cost;
  }
  if (lot.length > 0) yield lot;
}

/** Which parent a merge is compared with; of any other commit git must not be told one. */
function mainlineOf(parents: readonly string[]): readonly string[] {
  return parents.length > 1 ? ['-m', '1'] : [];
}

/** A hook that ends a commit may say anything or nothing, but git itself then adds no word of its own and ends with 1. */
function commitFailure(outcome: GitOutcome): GitFailure {
  const failure = new GitFailure('commit', outcome);
  const gitSpoke = /^(?:error|fatal): /m.test(failure.words);
  return failure.kind === 'other' && outcome.code === 1 && !gitSpoke
    ? new GitFailure('commit', outcome, 'hook')
    : failure;
}

/** The command's own word, behind options such as `-c key=value`. */
function commandIn(args: readonly string[]): string {
  for (let at = 0; at < args.length; at++) {
    const word = args[at] as string;
    if (word === '-c') at++;
    else if (!word.startsWith('-')) return word;
  }
  return '';
}

/** A path without `.` and `..`, since git may answer with one relative to where it ran. */
function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
