import { type NodeId, ROOT_ID } from '../../protocol/brand';
import type { CompoundResult, Part } from './compoundRequest';
import type { Session } from './session';
import type { Leftovers } from './unclaimedReplies';

/** Gives back to the agent what its replies gave to us and nobody took: lookups and open handles. */
export class Returns {
  constructor(
    private readonly forget: (nodeid: NodeId, nlookup: bigint) => void,
    private readonly session: Pick<Session, 'request'>,
  ) {}

  giveBack({ lookups, handles }: Leftovers): void {
    for (const nodeid of lookups) this.forget(nodeid, 1n);
    for (const { fh, op } of handles) {
      const fixed = { fh, flags: 0, release_flags: 0, lock_owner: 0n };
      // Lost with the link, it is closed with the session.
      this.session.request(op, ROOT_ID, fixed).catch(() => undefined);
    }
  }

  /** Where a compound opened something and ended before its close: closes it. */
  closeOpened(
    result: CompoundResult,
    open: Part<'OPEN' | 'OPENDIR'>,
    close: Part<'RELEASE' | 'RELEASEDIR'>,
    op: 'RELEASE' | 'RELEASEDIR',
  ): void {
    if (!result.has(open) || result.has(close)) return;
    this.giveBack({ lookups: [], handles: [{ fh: result.get(open).fh, op }] });
  }
}
