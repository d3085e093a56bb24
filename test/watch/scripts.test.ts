import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Harness, heldClock } from './harness';

/**
 * Watch behaviour as scripts. In scripts/NAME.txt:
 *   # a comment            for people; the first line is the test's name
 *   watch /src recursive   marks a path ("recursive" or not; then globs to exclude)
 *   mkdir -p /src/a        any other line goes to the shell, with / for the test's own directory
 *   => create /src/a       the events since the last such line, in order; "=> nothing" if there are none
 * A line "[inotify poll]" at the top limits a script to some backends. By fanotify each script runs twice: with what
 * follows a "watch" done before anything was listed, and after.
 */
const SCRIPTS = join(__dirname, 'scripts');
const BACKENDS = ['inotify', 'fanotify', 'poll'] as const;

for (const file of readdirSync(SCRIPTS).sort()) {
  const lines = readFileSync(join(SCRIPTS, file), 'utf8')
    .split('\n')
    .map((line) => line.trim());
  const name = lines.find((line) => line.startsWith('# '))?.slice(2) ?? file;
  const only = lines
    .find((line) => line.startsWith('['))
    ?.slice(1, -1)
    .split(' ');
  for (const backend of BACKENDS) {
    if (only !== undefined && !only.includes(backend)) continue;
    test(`${name} (${backend})`, () => run(lines, backend, true));
    if (backend === 'fanotify')
      test(`${name} (${backend}, not listed yet)`, () => run(lines, backend, false));
  }
}

async function run(
  lines: readonly string[],
  backend: (typeof BACKENDS)[number],
  listed: boolean,
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'livemount-script-'));
  const harness = new Harness({ backend, clock: heldClock });
  const listener = harness.listen();
  const inRoot = (text: string) => text.replace(/(^|\s)\//g, `$1${root}/`);
  let mountpoint = '/';
  try {
    let expected: string[] = [];
    for (const [i, line] of [...lines, ''].entries()) {
      if (line.startsWith('=>')) {
        expected.push(
          ...line
            .slice(2)
            .split(/\s{2,}|;/)
            .map((event) => event.trim()),
        );
        if (lines[i + 1]?.startsWith('=>')) continue;
        await harness.caughtUp();
        const wanted = expected.filter((event) => event !== '' && event !== 'nothing');
        assert.deepEqual(listener.take(mountpoint, root), wanted, `line ${i + 1}: ${line}`);
        expected = [];
      } else if (line.startsWith('watch ')) {
        const [path = '', recursive, ...excludes] = line.slice(6).split(/\s+/);
        const target = path === '/' ? root : `${root}${path}`;
        ({ mountpoint } = await listener.watch(target, { recursive: recursive === 'recursive', excludes }));
        // The lines that follow run without a pause for anything else.
        if (listed) await harness.caughtUp();
      } else if (line !== '' && !/^[#[]/.test(line)) {
        execFileSync('bash', ['-ec', inRoot(line)], { cwd: root });
      }
    }
  } finally {
    harness.dispose();
    rmSync(root, { recursive: true, force: true });
  }
}
