import { NO_FH } from '../../protocol/brand';
import { WALK_FOLLOW } from '../../protocol/livemount';
import { bytesOf } from '../../protocol/names';
import type { Fsnotify } from '../fsnotify/fsnotify';
import { CompoundRequest } from '../session/compoundRequest';
import type { Session } from '../session/session';
import type { SuperblockTable } from '../superblocks/superblockTable';
import type { HostQuestions, WalkQuestion } from '../tree/lookup';
import { UpdateFirst } from './updateFirst';

/** Asks the host what looking up paths needs, each within its superblock's bound and behind the marks that wait for it. */
export function questions(session: Session, superblocks: SuperblockTable, fsnotify: Fsnotify): HostQuestions {
  const walk = async ({ path, nodeid, rest, follow, stamp, signal }: WalkQuestion) => {
    const superblock = superblocks.covering(path);
    const fixed = { flags: follow ? WALK_FOLLOW : 0 };
    const names = [bytesOf(rest.join('/'))];
    const request = new CompoundRequest();
    const update = UpdateFirst.add({ fsnotify, superblocks }, path, request);
    if (request.size === 0) {
      return superblock.run(() => session.request('WALK', nodeid, fixed, { names, signal }), signal);
    }
    const part = request.add('WALK', nodeid, fixed, { names });
    const ask = () => superblock.run(() => session.compound(request, { signal }), signal);
    return (await update.send(ask, stamp))?.get(part);
  };
  return {
    walk,
    attributes: async (path, nodeid, signal) => {
      const fixed = { getattr_flags: 0, fh: NO_FH };
      const ask = () => session.request('GETATTR', nodeid, fixed, { signal });
      return (await superblocks.covering(path).run(ask, signal)).attr;
    },
  };
}
