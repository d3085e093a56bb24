import { textOf } from '../../protocol/names';

export interface Commit {
  readonly oid: string;
  readonly parents: readonly string[];
  readonly author: string;
  readonly email: string;
  /** Seconds since 1970. */
  readonly authored: number;
  readonly committed: number;
  /** Full names of the refs that point at it; HEAD's own stands first as "HEAD". */
  readonly refs: readonly string[];
  readonly subject: string;
  readonly body: string;
}

const FIELDS = ['%H', '%P', '%an', '%ae', '%at', '%ct', '%D', '%B'];
/** Fields end with the unit separator and records with NUL: a commit message can hold no NUL. */
export const LOG_FORMAT = `--format=${FIELDS.join('%x1f')}`;

/** Options of a log that can be parsed: `-z` ends each record with NUL. */
export const LOG_ARGS: readonly string[] = [
  'log',
  '-z',
  '--no-show-signature',
  '--decorate=full',
  LOG_FORMAT,
];

/** The output of `git log` with LOG_ARGS. A record that is none is left out. */
export function parseLog(output: Buffer): Commit[] {
  return output
    .toString('utf8')
    .split('\0')
    .flatMap((record) => {
      const [
        oid = '',
        parents = '',
        author = '',
        email = '',
        authored = '',
        committed = '',
        refs = '',
        ...message
      ] = record.replace(/^\n/, '').split('\x1f');
      if (!/^[0-9a-f]{40,64}$/.test(oid)) return [];
      const text = message.join('\x1f').trimEnd();
      const [subject = '', ...body] = text.split('\n');
      return [
        {
          oid,
          parents: parents.split(' ').filter(Boolean),
          author,
          email,
          authored: Number(authored),
          committed: Number(committed),
          refs: refs
            .split(', ')
            .filter(Boolean)
            .flatMap((ref) =>
              ref.startsWith('HEAD -> ') ? ['HEAD', ref.slice(8)] : [ref.replace(/^tag: /, '')],
            ),
          subject,
          body: body.join('\n').trim(),
        },
      ];
    });
}

/** One file of a commit: `git diff-tree -z --name-status`. */
export interface CommitFile {
  readonly letter: string;
  readonly path: string;
  readonly from?: string;
}

export function parseNameStatus(output: Buffer): CommitFile[] {
  const files: CommitFile[] = [];
  const parts = splitZ(output);
  for (let i = 0; i < parts.length; ) {
    const letter = (parts[i++] as Buffer).toString('latin1')[0] ?? '';
    const first = parts[i++];
    if (first === undefined) break;
    if (letter !== 'R' && letter !== 'C') files.push({ letter, path: textOf(first) });
    else {
      const second = parts[i++];
      if (second !== undefined) files.push({ letter, path: textOf(second), from: textOf(first) });
    }
  }
  return files;
}

/** What stands between NULs; the last one may be missing. */
export function splitZ(output: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let start = 0;
  for (let end = output.indexOf(0); end !== -1; end = output.indexOf(0, start)) {
    parts.push(output.subarray(start, end));
    start = end + 1;
  }
  if (start < output.length) parts.push(output.subarray(start));
  return parts;
}
