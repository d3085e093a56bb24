import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { connected, type Setting } from './support/hostAgent';

/** One call of a real editor that opened a folder, with the times in ms; `end` is missing for a watch. */
interface Call {
  readonly call: 'watch' | 'stat' | 'readFile' | 'readDirectory';
  readonly path: string;
  readonly start: number;
  readonly end?: number;
  readonly recursive?: boolean;
}

const trace = JSON.parse(
  readFileSync(path.resolve(__dirname, '../../bench/ops/openFolder.json'), 'utf8'),
) as readonly Call[];

/** The calls that the editor made before the first answer of those before them was there. */
function phases(): Call[][] {
  const found: Call[][] = [];
  let answered = Number.NEGATIVE_INFINITY;
  for (const call of trace) {
    const current = found.at(-1);
    if (current === undefined || call.start > answered) {
      found.push([call]);
      answered = call.end ?? Number.POSITIVE_INFINITY;
    } else {
      current.push(call);
      answered = Math.min(answered, call.end ?? Number.POSITIVE_INFINITY);
    }
  }
  return found;
}

async function replay(t: TestContext, { vfs, dir }: Setting): Promise<void> {
  for (const phase of phases()) {
    await Promise.all(
      phase.map(async ({ call, path: relative, recursive }) => {
        const at = path.join(dir, relative);
        if (call === 'watch') {
          const watch = vfs.watch(at, { recursive: recursive ?? false }, () => undefined);
          t.after(() => watch.dispose());
        } else {
          await vfs[call](at).catch((error: { code?: string }) =>
            assert.equal(error.code, 'ENOENT', relative),
          );
        }
      }),
    );
  }
}

test('what an editor asks on opening a folder takes one round trip, and none when it asks again later', async (t) => {
  const setting = await connected(t, { lockstep: true, prefetch: true });
  const { dir, link, vfs } = setting;
  mkdirSync(path.join(dir, 'src'));
  writeFileSync(path.join(dir, 'src/main.ts'), '');
  writeFileSync(path.join(dir, 'README.md'), '# Readme');
  assert.ok(trace.filter(({ call }) => call === 'stat').length > 20, 'it is a real trace');
  let before = link.rounds;
  await replay(t, setting);
  const cold = link.rounds - before;
  t.diagnostic(`${trace.length} calls in ${phases().length} phases: ${cold} round trips cold`);
  assert.equal(cold, 1);

  await new Promise((resolve) => setTimeout(resolve, 50));
  // Much later: only the watches vouch for anything.
  t.mock.method(performance, 'now', () => 1e12);
  before = link.rounds;
  for (const { call, path: relative } of trace) {
    if (call === 'watch') continue;
    await vfs[call](path.join(dir, relative)).catch((error: { code?: string }) =>
      assert.equal(error.code, 'ENOENT'),
    );
  }
  assert.equal(link.rounds - before, 0);
});
