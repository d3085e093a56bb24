import { spawn } from 'node:child_process';
import type { Disposable } from '../../base/dispose';

/**
 * Takes the mount away when its first line does not come: whoever held the other end died without a word. What stands
 * at the directory must still be the very mount (its device number), and it goes lazily, since somebody may be in it.
 */
const SCRIPT = `
if read -r line; then exit 0; fi
while read -r _ _ numbers _ at _; do
  if [ "$numbers" = "$1" ] && [ "$at" = "$2" ]; then
    umount -i -l -- "$3" 2>/dev/null || fusermount3 -u -z -- "$3" 2>/dev/null
    exit
  fi
done </proc/self/mountinfo
`;

/** The mount as mountinfo names it. */
export interface WatchedMount {
  /** major:minor */
  readonly numbers: string;
  /** The directory as mountinfo writes it. */
  readonly escaped: string;
  readonly directory: string;
}

/** A small process that takes a mount away if this one dies; a mount without its server would only give errors. */
export function takeAwayAtDeath({ numbers, escaped, directory }: WatchedMount): Disposable {
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'livemount', numbers, escaped, directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  // Without it the mount is not taken away at our death, and works all the same.
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return { dispose: () => void child.stdin.end('over\n') };
}
