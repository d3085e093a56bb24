import { randomBytes } from 'node:crypto';
import { LastLines } from '../../base/lastLines';
import { ConnectError } from '../connectError';
import { MarkedLines } from './markedLines';
import type { Runtime } from './runtime';
import type { SshTransport } from '../transport/transport';

const CHUNK = 64 << 10;

/**
 * Stores a Node on a host that has none, with nothing there but a POSIX shell, head and gzip, and returns its path.
 * ConnectError `agent` when it cannot be stored, or does not run there.
 */
export async function uploadRuntime(
  transport: SshTransport,
  runtime: Runtime,
  onProgress: (sent: number, total: number) => void,
): Promise<string> {
  const marker = randomBytes(16).toString('hex');
  const { stream, stderr, exit } = await transport.exec(uploadCommand(marker, runtime));
  const said = new LastLines();
  stderr.setEncoding('utf8').on('data', said.push);
  const lines = new MarkedLines(stream, marker);
  const failed = (why: string) =>
    new ConnectError(
      'agent',
      `Node.js could not be stored on the host: ${why} ${said.text || lines.skipped}`.trim(),
    );
  try {
    const first = await lines.next();
    if (first?.verb === 'have') return first.rest;
    if (first?.verb !== 'send') throw failed(first?.rest ?? 'the command ended');
    let ended = false;
    const end = exit.then(() => {
      ended = true;
    });
    // When the host gives up early it says why in the line that follows.
    for (let at = 0; at < runtime.packed.length && !ended; at += CHUNK) {
      const chunk = runtime.packed.subarray(at, at + CHUNK);
      const written = new Promise<void>((resolve) => stream.write(chunk, () => resolve()));
      await Promise.race([written, end]);
      onProgress(at + chunk.length, runtime.packed.length);
    }
    const last = await lines.next();
    if (last?.verb !== 'stored') throw failed(last?.rest ?? 'the command ended');
    return last.rest;
  } finally {
    stream.destroy();
  }
}

/** See `launchCommand` for what such a command must do without: `'`, `\`, `!` and line ends. */
function uploadCommand(marker: string, { version, sha256, packed }: Runtime): string {
  const half = marker.length >> 1;
  const script = [
    `m=${marker.slice(0, half)}`,
    `k=${marker.slice(half)}`,
    'PATH="$PATH:/usr/bin:/bin"',
    'umask 077',
    `w="the host has no folder that programs can be stored in and run from"`,
    `for d in "\${XDG_CACHE_HOME:-\${HOME:-/nonexistent}/.cache}"/livemount "\${XDG_RUNTIME_DIR:-/nonexistent}"/livemount /tmp/livemount-"$(id -u)"`,
    [
      'do mkdir -p "$d" 2>/dev/null',
      '[ -d "$d" ] && [ -O "$d" ] && [ -w "$d" ] || continue',
      // A folder that others could write in may hold what they made, a link leads anywhere.
      'case $(ls -ld "$d") in drwx------*) ;; *) continue;; esac',
      `r="$d/runtime/v${version}-${sha256.slice(0, 12)}"`,
      `if [ -x "$r/node" ] && "$r/node" -v >/dev/null 2>&1`,
      'then echo "$m$k have $r/node"',
      'exit',
      'fi',
      'mkdir -p "$r" || continue',
      // A copy of a program tells whether programs run from here (mount option noexec).
      'cp /bin/sh "$r/try.$$" 2>/dev/null && "$r/try.$$" -c : 2>/dev/null',
      't=$?',
      'rm -f "$r/try.$$"',
      '[ $t = 0 ] || continue',
      'echo "$m$k send"',
      'n="$r/node.$$"',
      `head -c ${packed.length} | gzip -dc >"$n" && chmod 700 "$n" || w="not enough room in $d"`,
      // The version it prints shows that it is complete, and fits this machine and its libc.
      `if [ "$("$n" -v)" = v${version} ]`,
      'then mv "$n" "$r/node" && echo "$m$k stored $r/node"',
      'exit',
      'fi',
      'rm -rf "$r"',
      'break',
    ].join(';'),
    'done',
    'echo "$m$k failed $w"',
  ].join(';');
  // `then` and `do` take no semicolon behind them.
  return `exec /bin/sh -c '${script}'`;
}
