import { ErrnoError } from '../../protocol/errno';
import { isErrno } from './hostErrors';
import type { HostFs, Locator } from './hostFs';

/**
 * EEXIST where a name is taken; for what the host can't do and look at in one step. Between the look and what follows
 * somebody may take the name.
 */
export async function assertFree(host: HostFs, directory: Locator, name: Buffer): Promise<void> {
  try {
    await host.lookup(directory, name);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    throw error;
  }
  throw new ErrnoError('EEXIST', 'the name is taken');
}
