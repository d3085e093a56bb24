import { ErrnoError } from '../../protocol/errno';
import type { GitHost } from './host';

/** Whether anybody on the host uses a lock of git's. */
export type LockState =
  | { readonly kind: 'gone' | 'free' }
  /** A process has the file open, or is a git at work in the repository. */
  | { readonly kind: 'held'; readonly pid: number }
  /** Processes of other users, or of other machines, may use it and can't be seen from here. */
  | { readonly kind: 'unknown' };

/**
 * Prints `gone`, `free`, `unknown` or `held` and a process number. A lock that is not ours may be used by processes whose
 * files we can't see, unless we are root; one on a network filesystem by those of other machines. With `remove` a lock
 * that is free is removed in the same breath.
 */
const SCRIPT = `
lock=$1 remove=$2
shift 2
there() { [ -e "$lock" ] || [ -L "$lock" ]; }
there || { echo gone; exit 0; }
[ -e /proc/self/fd/0 ] || { echo unknown; exit 0; }
[ "$(id -u)" = 0 ] || [ -O "$lock" ] || { echo unknown; exit 0; }
case $(stat -f -c %T -- "$lock" 2>/dev/null) in
  nfs*|smb*|cifs*|fuse*|afs*|ceph*|9p|v9fs|lustre*|gfs*|ocfs*|gpfs*) echo unknown; exit 0;;
esac
for process in /proc/[0-9]*; do
  pid=\${process#/proc/}
  [ "$pid" = $$ ] && continue
  name=
  { read -r name <"$process/comm"; } 2>/dev/null || continue
  case $name in
    git|git-*)
      # A status as we ask for it takes no lock.
      case $(tr '\\0' ' ' <"$process/cmdline" 2>/dev/null) in
        *' --no-optional-locks '*' status --porcelain=v2 '*) continue;;
      esac
      cwd=$(readlink "$process/cwd" 2>/dev/null)
      for place; do
        case $cwd/ in "$place"/*) echo "held $pid"; exit 0;; esac
      done;;
  esac
  for file in "$process"/fd/*; do
    [ "$file" -ef "$lock" ] && { echo "held $pid"; exit 0; }
  done
done
[ "$remove" = yes ] && { there && rm -f -- "$lock" || exit 1; }
echo free
`;

/**
 * The lock that git's words name, when it is one of this repository; else that of the index.
 * @param places the administrative folders
 */
export function lockNamed(words: string, places: readonly [string, ...string[]]): string {
  const named = /'(\/[^'\n]{1,4000}\.lock)'/.exec(words)?.[1];
  const ours =
    named !== undefined &&
    !/\/\.\.?(?:\/|$)/.test(named) &&
    places.some((place) => named.startsWith(`${place}/`));
  return ours ? named : `${places[0]}/index.lock`;
}

/**
 * Looks who uses a lock; with `remove`, one that nobody uses is gone afterwards.
 * @param places the work tree and the administrative folders: a git that runs in one of them counts
 */
export async function lookAtLock(
  host: GitHost,
  lock: string,
  places: readonly string[],
  { remove = false }: { readonly remove?: boolean } = {},
): Promise<LockState> {
  const { code, stdout } = await host.script(SCRIPT, [lock, remove ? 'yes' : 'no', ...places]);
  const [, kind, pid] = /^(gone|free|unknown|held)(?: (\d{1,10}))?\n$/.exec(stdout.toString('latin1')) ?? [];
  if (code !== 0) throw new ErrnoError('EACCES', `${lock} can't be removed`);
  if (kind === 'held') return { kind, pid: Number(pid) };
  return kind === 'gone' || kind === 'free' ? { kind } : { kind: 'unknown' };
}
