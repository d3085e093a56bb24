import type { RemotePath } from '../../protocol/paths';
import { asError } from '../../base/errors';
import { ROOT_ID } from '../../protocol/brand';
import type { Stamp } from '../cache/invalidations';
import type { CompoundRequest, CompoundResult, Part } from '../session/compoundRequest';
import type { Fsnotify, TakenUpdate } from '../fsnotify/fsnotify';
import type { SuperblockTable } from '../superblocks/superblockTable';

/** Whose marks may wait. */
export interface Marked {
  readonly fsnotify: Pick<Fsnotify, 'take'>;
  readonly superblocks: Pick<SuperblockTable, 'covering'>;
}

/**
 * Watch first, then look, in one frame: marks that wait to be told to a path's superblock go in front of a compound's
 * other requests, so that what those see is covered by the watch, without a gap.
 */
export class UpdateFirst {
  private constructor(
    private readonly taken: TakenUpdate | undefined,
    private readonly part: Part<'FSNOTIFY_UPDATE'> | undefined,
  ) {}

  /** Call it before anything else is added to the compound. */
  static add({ fsnotify, superblocks }: Marked, path: RemotePath, request: CompoundRequest): UpdateFirst {
    const taken = fsnotify.take(superblocks.covering(path));
    if (taken === undefined) return new UpdateFirst(undefined, undefined);
    const { fixed, data } = taken.update;
    return new UpdateFirst(taken, request.add('FSNOTIFY_UPDATE', ROOT_ID, fixed, { data }));
  }

  /** Sends the compound. Undefined: the agent refused the marks, and did nothing of the rest. */
  async send(ask: () => Promise<CompoundResult>, stamp: Stamp): Promise<CompoundResult | undefined> {
    const { taken, part } = this;
    if (taken === undefined || part === undefined) return ask();
    let result: CompoundResult;
    try {
      result = await ask();
    } catch (error) {
      taken.refuse(asError(error));
      throw error;
    }
    try {
      const { seq } = result.get(part);
      stamp.under = taken.acknowledge(seq);
    } catch (error) {
      taken.refuse(asError(error));
      return undefined;
    }
    return result;
  }
}
