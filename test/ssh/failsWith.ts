import assert from 'node:assert/strict';
import { ConnectError, type ConnectFailure } from '../../src/ssh/connectError';

/** Expects connecting to end with this kind of failure, and a message that matches. */
export async function failsWith(
  failure: ConnectFailure,
  connecting: Promise<unknown>,
  message: RegExp,
): Promise<void> {
  await assert.rejects(connecting, (error: unknown) => {
    assert.ok(error instanceof ConnectError, String(error));
    assert.equal(error.failure, failure, error.message);
    assert.match(error.message, message);
    return true;
  });
}
