import type { ErrnoError } from '../../protocol/errno';
import type { Stamp } from '../cache/invalidations';
import type { ClientCore } from '../state';
import type { PositiveDentry } from '../tree/resolution';

/** Makes attempts until one comes to something, `max` at most; then it is `exhausted`. */
export async function attempts<T>(
  max: number,
  once: () => Promise<T | undefined>,
  exhausted: () => ErrnoError,
): Promise<T> {
  for (let tries = 0; tries < max; tries++) {
    const result = await once();
    if (result !== undefined) return result;
  }
  throw exhausted();
}

/**
 * One attempt of an operation: its replies are taken in under a stamp. Where the host does not know a node any more that
 * the attempt started from (ESTALE), the node's name is dropped, so that the next attempt looks it up by its path.
 * Undefined: it came to nothing, because what was known did not hold, and is to be made again. `run` names with `from`
 * what it starts from.
 */
export async function attempt<T>(
  core: ClientCore,
  run: (stamp: Stamp, from: (start: PositiveDentry) => void) => Promise<T | undefined>,
): Promise<T | undefined> {
  let starts: PositiveDentry[] = [];
  return core.paths.stamped(async (stamp) => {
    try {
      return await run(stamp, (start) => {
        starts = [...starts, start];
      });
    } catch (error) {
      const outdated = starts.filter((start) => core.known.isOutdated(error, start));
      if (outdated.length === 0) throw error;
      for (const start of outdated) core.known.dropName(start);
      return undefined;
    }
  });
}
