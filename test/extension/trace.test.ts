import assert from 'node:assert/strict';
import { test } from 'node:test';
import './support/fakeVscode';
import { CallTrace } from '../../src/extension/trace';
import { uriOf } from '../../src/extension/uris';
import { ErrnoError } from '../../src/protocol/errno';

function logOf() {
  const lines: string[] = [];
  const at = (level: string) => (line: string) => void lines.push(`${level} ${line}`);
  return {
    lines,
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

test('the code and the operation of a failure, which no message names, are in the log', async () => {
  const log = logOf();
  const trace = new CallTrace(log, () => false);
  const uri = uriOf({ host: 'build', path: '/srv/x' });
  await assert.rejects(
    trace.measure('writeFile', uri, () => Promise.reject(new ErrnoError('ENOSPC', 'WRITE'))),
    /ENOSPC/,
  );
  await assert.rejects(trace.measure('stat', uri, () => Promise.reject(new ErrnoError('ENOENT', 'WALK'))));
  assert.deepEqual(log.lines, [
    'info writeFile build:/srv/x: WRITE (ENOSPC)',
    'debug stat build:/srv/x: WALK (ENOENT)',
  ]);
});
