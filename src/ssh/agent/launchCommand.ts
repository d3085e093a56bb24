import { deflateRawSync } from 'node:zlib';
import { ConnectError } from '../connectError';

/** Where a host may keep a Node that is not on the PATH of a non-interactive login; patterns of sh(1). */
const NODE_PLACES = [
  '"$HOME"/.nvm/versions/node/*/bin/node',
  '"$HOME"/.volta/tools/image/node/*/bin/node',
  '"$HOME"/.local/share/fnm/node-versions/*/installation/bin/node',
  '"$HOME"/.fnm/node-versions/*/installation/bin/node',
  '"$HOME"/.asdf/installs/nodejs/*/bin/node',
  '"$HOME"/.local/share/mise/installs/node/*/bin/node',
  '"$HOME"/.nodenv/versions/*/bin/node',
  '"$HOME"/n/bin/node',
  '"$HOME"/.local/bin/node',
  '"$HOME"/bin/node',
  '/usr/local/bin/node',
  '/usr/bin/node',
  '/opt/node*/bin/node',
  '/opt/*/bin/node',
  '/usr/local/lib/nodejs/*/bin/node',
  '/usr/local/node*/bin/node',
  '/home/linuxbrew/.linuxbrew/bin/node',
  '/snap/bin/node',
  // Microsoft's and others' remote servers bring a Node of their own.
  '"$HOME"/.vscode-server/bin/*/node',
  '"$HOME"/.vscode-server/cli/servers/*/server/node',
  '"$HOME"/.vscode-server-insiders/cli/servers/*/server/node',
  '"$HOME"/.cursor-server/bin/*/node',
] as const;

/**
 * Where `uploadRuntime` puts a runtime. They count only if the folder is ours, private and no link: /tmp can be written
 * by anyone, who might put another folder of ours there.
 */
const UPLOADED_PLACES = [
  `"\${XDG_CACHE_HOME:-$HOME/.cache}"/livemount/runtime/*/node`,
  '"$XDG_RUNTIME_DIR"/livemount/runtime/*/node',
  '/tmp/livemount-"$(id -u)"/runtime/*/node',
] as const;

/** Evaluates its first argument. The code is packed: base64 needs no quoting anywhere, and csh takes no long words. */
const UNPACK =
  'eval(String(require(process.argv[3]).inflateRawSync(Buffer.from(process.argv[1],process.argv[2]))))';

export interface LaunchOptions {
  /** Random; its first half and second half never stand together in the command, which a shell may echo. */
  readonly marker: string;
  /** JavaScript to run once a Node of a usable version is found. */
  readonly source: string;
  /** Node programs to try before any other, e.g. from a setting. */
  readonly preferred?: readonly string[];
  /** Looks nowhere else. */
  readonly onlyPreferred?: boolean;
}

/**
 * The command line that starts JavaScript on a host: it prints `MARKER begun`, since the login's start files come first and
 * may take long, finds a Node of version 18 or newer and becomes it, or prints `MARKER no-runtime os=.. arch=.. libc=.. old=..`.
 *
 * The login shell that takes it apart may be sh, bash, dash, zsh, fish, csh or tcsh. What all of them read alike is
 * one line of text in single quotes without `'`, `\` and `!`, and below 8 KiB (csh: "Word too long."); inside it, the
 * script is for /bin/sh.
 */
export function launchCommand(options: LaunchOptions): string {
  const { marker, source, preferred = [], onlyPreferred = false } = options;
  const half = marker.length >> 1;
  const places = onlyPreferred ? [] : ['"$(command -v node)"', '"$(command -v nodejs)"', ...NODE_PLACES];
  const uploaded = onlyPreferred ? [] : UPLOADED_PLACES;
  const script = [
    `m=${marker.slice(0, half)}`,
    `k=${marker.slice(half)}`,
    'echo "$m$k begun"',
    `b=${deflateRawSync(source).toString('base64')}`,
    // Restricted logins set a PATH with little on it.
    'PATH="$PATH:/usr/local/bin:/usr/bin:/bin"',
    'export PATH',
    'old=',
    `for n in ${[...preferred.map(shellWord), ...places, ...uploaded].join(' ')}`,
    [
      'do [ -x "$n" ] || continue',
      `case $n in */livemount*/runtime/*) f="\${n%/*/*/*}"; [ -O "$f" ] || continue`,
      'case $(ls -ld "$f") in drwx------*) ;; *) continue;; esac;; esac',
      'v=$("$n" -v 2>/dev/null) || continue',
      `case $v in v1[89].*|v[2-9][0-9].*|v[1-9][0-9][0-9].*) exec "$n" -e "${UNPACK}" "$b" base64 zlib;; esac`,
      'old="$old $n=$v"',
      'done',
    ].join(';'),
    'libc=musl',
    'for l in /lib/ld-linux* /lib64/ld-linux* /lib/*-linux-*/ld-linux*',
    'do [ -e "$l" ] && libc=glibc',
    'done',
    'echo "$m$k no-runtime os=$(uname -s) arch=$(uname -m) libc=$libc old=$old"',
  ].join(';');
  return `exec /bin/sh -c '${script}'`;
}

/** A path as a word of sh(1) that needs no character a login shell reads in its own way. `~/` is the home folder. */
function shellWord(path: string): string {
  if (!/^[A-Za-z0-9_.,:@%+=~/ -]+$/.test(path)) {
    throw new ConnectError(
      'configuration',
      `the path ${JSON.stringify(path)} has characters that cannot be used here`,
    );
  }
  return path.startsWith('~/') ? `"$HOME${path.slice(1)}"` : `"${path}"`;
}
