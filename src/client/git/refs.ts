export interface Ref {
  /** Full: refs/heads/main. */
  readonly name: string;
  readonly kind: 'branch' | 'remote' | 'tag';
  /** What people call it: main, origin/main, v1. */
  readonly short: string;
  /** The commit; of an annotated tag, the one it stands for. */
  readonly oid: string;
  readonly upstream: string | undefined;
  readonly ahead: number;
  readonly behind: number;
  readonly upstreamGone: boolean;
  /** HEAD is on it. */
  readonly current: boolean;
  /** Seconds since 1970. */
  readonly committed: number;
  readonly subject: string;
}

const FIELDS = [
  '%(refname)',
  '%(objectname)',
  '%(*objectname)',
  '%(upstream)',
  '%(upstream:track,nobracket)',
  '%(HEAD)',
  '%(committerdate:unix)',
  '%(contents:subject)',
];

export const REFS_ARGS: readonly string[] = [
  'for-each-ref',
  '--sort=-committerdate',
  `--format=${FIELDS.join('%00')}`,
  'refs/heads',
  'refs/remotes',
  'refs/tags',
];

const prefixes = { 'refs/heads/': 'branch', 'refs/remotes/': 'remote', 'refs/tags/': 'tag' } as const;

/** The output of REFS_ARGS; a remote's HEAD, which only stands for another ref, is left out. */
export function parseRefs(output: Buffer): Ref[] {
  return output
    .toString('utf8')
    .split('\n')
    .flatMap((line): Ref[] => {
      const [name = '', oid = '', target = '', upstream = '', track = '', head = '', date = '', ...subject] =
        line.split('\0');
      const found = Object.entries(prefixes).find(([prefix]) => name.startsWith(prefix));
      if (!found || /^refs\/remotes\/[^/]+\/HEAD$/.test(name)) return [];
      return [
        {
          name,
          kind: found[1],
          short: name.slice(found[0].length),
          oid: target || oid,
          upstream: upstream || undefined,
          ahead: Number(/ahead (\d+)/.exec(track)?.[1] ?? 0),
          behind: Number(/behind (\d+)/.exec(track)?.[1] ?? 0),
          upstreamGone: track === 'gone',
          current: head === '*',
          committed: Number(date) || 0,
          subject: subject.join(' '),
        },
      ];
    });
}
