import { randomBytes } from 'node:crypto';
import type { Disposable } from '../../base/dispose';
import { ConnectError } from '../connectError';
import type { SshTransport } from '../transport/transport';
import { MarkedLines } from './markedLines';

/** What Livemount keeps on a host, and its removal. Disposing it ends the connection. */
export interface HostCleaning extends Disposable {
  /** Folders of ours, with what they take. */
  readonly folders: readonly { readonly path: string; readonly kilobytes: number }[];
  /** Agents of this user that run. */
  readonly agents: readonly number[];
  /** Notes of saves that were interrupted and may still be restored. */
  readonly unfinished: readonly string[];
  /** Ends the agents and removes what is ours in the folders. Those that are left, with something of somebody else in them. */
  remove(): Promise<readonly string[]>;
}

/** More lines than that come from no host of ours. */
const LINES_MAX = 10_000;

/** Looks, with nothing there but a POSIX shell. ConnectError `agent` where it cannot. */
export async function lookForLeftovers(transport: SshTransport): Promise<HostCleaning> {
  const lines = await linesOf(transport, LOOK);
  const all = (verb: string) => lines.filter((line) => line.verb === verb).map((line) => line.rest);
  return {
    folders: all('folder').flatMap((line) => {
      const [, kilobytes, path] = /^(\d+) (\/.*)$/s.exec(line) ?? [];
      return path === undefined ? [] : [{ path, kilobytes: Number(kilobytes) }];
    }),
    // One is found by its program in one folder, and by its socket in another.
    agents: [...new Set(all('agent'))].filter((pid) => /^\d{1,10}$/.test(pid)).map(Number),
    unfinished: all('unfinished'),
    async remove() {
      return (await linesOf(transport, REMOVE)).filter(({ verb }) => verb === 'left').map(({ rest }) => rest);
    },
    dispose: () => transport.dispose(),
  };
}

async function linesOf(
  transport: SshTransport,
  script: readonly string[],
): Promise<readonly { readonly verb: string; readonly rest: string }[]> {
  const marker = randomBytes(16).toString('hex');
  const { stream, stderr } = await transport.exec(commandOf(marker, script));
  let said = '';
  stderr.on('data', (chunk) => {
    said = `${said}${String(chunk)}`.slice(-1000);
  });
  const reader = new MarkedLines(stream, marker);
  const found: { readonly verb: string; readonly rest: string }[] = [];
  try {
    for (;;) {
      const line = await reader.next();
      if (line?.verb === 'end') return found;
      if (line === undefined || found.length === LINES_MAX) {
        throw new ConnectError(
          'agent',
          `the host did not say what lies there: ${said.trim() || reader.skipped}`.replace(/: $/, ''),
        );
      }
      found.push(line);
    }
  } finally {
    stream.destroy();
  }
}

/** See `launchCommand` for what such a command must do without: `'`, `\`, `!` and line ends. */
function commandOf(marker: string, script: readonly string[]): string {
  const half = marker.length >> 1;
  const whole = [
    `m=${marker.slice(0, half)}`,
    `k=${marker.slice(half)}`,
    'PATH="$PATH:/usr/bin:/bin"',
    // Agents by the program that they run, which lies in one of the folders.
    [
      'agents() { for a in /proc/[0-9]*',
      'do [ -O "$a" ] && grep -qF "$d/" "$a/cmdline" 2>/dev/null && grep -q "/agent[.]cjs" "$a/cmdline" 2>/dev/null && echo "$m$k agent $(basename "$a")"',
      'done',
      '}',
    ].join(';'),
    `for d in "\${XDG_CACHE_HOME:-\${HOME:-/nonexistent}/.cache}"/livemount "\${HOME:-/nonexistent}"/.cache/livemount "\${XDG_RUNTIME_DIR:-/nonexistent}"/livemount /tmp/livemount-"$(id -u)"`,
    // Somebody else's folder, a link to one, or one that others may write in, which may be any folder of the user's that they
    // moved here, is none of ours. Two of the names may mean one folder.
    'do [ -d "$d" ] && [ -O "$d" ] || continue',
    'case $(ls -ld "$d") in drwx------*) ;; *) continue;; esac',
    'case "$seen" in *":$d:"*) continue;; esac',
    'seen="$seen:$d:"',
    ...script,
    'done',
    'echo "$m$k end"',
  ].join(';');
  return `exec /bin/sh -c '${whole}'`;
}

const LOOK = [
  'echo "$m$k folder $(du -sk "$d" 2>/dev/null | cut -f1) $d"',
  'agents',
  'for s in "$d"/*.saves',
  'do [ -s "$s" ] && echo "$m$k unfinished $s"',
  'done',
];

/** By the names that we give alone: what else lies there, whoever put it there, stays, and so does its folder. */
const VERSION = Array.from({ length: 32 }, () => '[0-9a-f]').join('');
const REMOVE = [
  'p=$(agents | cut -d" " -f3)',
  '[ -n "$p" ] && kill $p 2>/dev/null',
  'for i in 1 2 3 4 5 6 7 8 9 10',
  'do [ -n "$(agents)" ] || break',
  'sleep 0.2 2>/dev/null || sleep 1',
  'done',
  `for v in "$d"/${VERSION}`,
  'do [ -d "$v" ] && [ -O "$v" ] || continue',
  '[ -h "$v" ] && continue',
  'rm -f "$v"/agent.cjs* "$v"/koffi.node* "$v"/package.json',
  'rmdir "$v" 2>/dev/null',
  'done',
  'for v in "$d"/runtime/v*',
  'do [ -d "$v" ] && [ -O "$v" ] || continue',
  '[ -h "$v" ] && continue',
  'rm -f "$v"/node "$v"/node.[0-9]* "$v"/try.[0-9]*',
  'rmdir "$v" 2>/dev/null',
  'done',
  '[ -h "$d/runtime" ] || rmdir "$d/runtime" 2>/dev/null',
  'rm -f "$d"/*.sock "$d"/*.sock.* "$d"/*.lock "$d"/*.lock.* "$d"/*.log "$d"/*.saves "$d"/*.cpuprofile',
  'rmdir "$d" 2>/dev/null || echo "$m$k left $d"',
];
