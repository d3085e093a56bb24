import type { HostFs, Locator } from '../host/hostFs';

/** STATX_ATTR_APPEND (statx(2)). */
const APPEND = 0x20n;

/**
 * Whether a directory takes new names and gives none back (chattr +a): a temporary name in it would stay for ever, and a
 * file in it can only be written in place.
 */
export async function isAppendOnly(host: HostFs, directory: Locator): Promise<boolean> {
  return ((await host.stat(directory)).attributes & APPEND) !== 0n;
}
