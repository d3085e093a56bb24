import { NO_NODE, ROOT_ID } from '../../protocol/brand';
import { Errno, ErrnoError } from '../../protocol/errno';
import { NO_ENTRY, S_IFDIR, S_IFLNK, S_IFMT } from '../../protocol/fuse';
import { WALK_FOLLOW, WALK_LINKS_MAX, WALK_PARENT } from '../../protocol/livemount';
import type { Request } from '../../protocol/message';
import { encodeWalk, type Step } from '../../protocol/walk';
import type { ClientState, Handlers } from '../connection/handler';
import { innerRequest } from './innerRequest';
import type { OperationContext } from '../host/hostFs';
import { TimeSlice } from '../timeSlice';

/** Directories on the way that may be looked up once more: a path that leads through automounts has several. */
const LOOKS_AGAIN_MAX = 8;
/**
 * Longest path that is walked, and most names with those of the links in it: longer than any path of a host, and looked
 * up while others wait only a moment.
 */
const PATH_BYTES_MAX = 64 << 10;
const NAMES_MAX = 32 << 10;
/** Looked up without a look at the clock. */
const NAMES_AT_ONCE = 64;
const SLASH = '/'.charCodeAt(0);
const DOTDOT = Buffer.from('..');

/**
 * Looks a whole path up, as path_resolution(7) does: each name by LOOKUP (so mounts, identities and lookup counts are
 * those of any lookup), links followed. An error on the way is part of a successful reply, with the steps so far.
 */
export async function walk(
  session: ClientState,
  request: Request<'WALK'>,
  handlers: Handlers,
  context: OperationContext,
): Promise<Buffer> {
  const { LOOKUP, READLINK } = handlers;
  if (LOOKUP === undefined || READLINK === undefined) throw new ErrnoError('ENOSYS');
  const path = request.names[0] ?? DOTDOT;
  if (path.length > PATH_BYTES_MAX) throw new ErrnoError('ENAMETOOLONG', `a path of ${path.length} bytes`);
  let slice: TimeSlice | undefined;
  const wantsParent = (request.in.flags & WALK_PARENT) !== 0;
  const follows = wantsParent || (request.in.flags & WALK_FOLLOW) !== 0;
  const steps: Step[] = [];
  let at = path[0] === SLASH ? ROOT_ID : request.header.nodeid;
  /** The names that are left, the next one last. */
  const rest = split(path).reverse();
  let names = 0;
  let links = 0;
  let looks = 0;

  const stop = (error: number) => encodeWalk({ nodeid: NO_NODE, error: -error, steps });
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (++names > NAMES_MAX) return stop(Errno.ENAMETOOLONG);
    if (names % NAMES_AT_ONCE === 0) {
      slice ??= new TimeSlice(context.signal);
      await slice.step();
    }
    if (name.equals(DOTDOT)) {
      at = session.inodes.parentOf(at) ?? ROOT_ID;
      continue;
    }
    const isLast = rest.length === 0;
    let entry: Step['entry'];
    try {
      entry = await LOOKUP(session, innerRequest(request, 'LOOKUP', at, undefined, [name]), context);
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      const last = steps.at(-1);
      if (error.errno === Errno.ESTALE && last?.entry.nodeid === at && looks++ < LOOKS_AGAIN_MAX) {
        // The directory was replaced since it was looked up here, or entering it had something mounted on it.
        at = last.parent;
        rest.push(name, last.name);
        continue;
      }
      if (error.errno === Errno.ENOENT) steps.push({ parent: at, name, entry: NO_ENTRY });
      if (error.errno === Errno.ENOENT && wantsParent && isLast)
        return encodeWalk({ nodeid: at, error: 0, steps });
      return stop(error.errno);
    }
    if ((entry.attr.mode & S_IFMT) === S_IFLNK && (!isLast || follows)) {
      if (++links > WALK_LINKS_MAX) {
        steps.push({ parent: at, name, entry });
        return stop(Errno.ELOOP);
      }
      const target = await READLINK(
        session,
        innerRequest(request, 'READLINK', entry.nodeid, undefined),
        context,
      );
      steps.push({ parent: at, name, entry, target });
      if (target[0] === SLASH) at = ROOT_ID;
      rest.push(...split(target).reverse());
      continue;
    }
    steps.push({ parent: at, name, entry });
    if (isLast && wantsParent) return encodeWalk({ nodeid: at, error: 0, steps });
    if (!isLast && (entry.attr.mode & S_IFMT) !== S_IFDIR) return stop(Errno.ENOTDIR);
    at = entry.nodeid;
  }
  // Only a path that ends in "/", "." or ".." comes here with WALK_PARENT: it names a directory, not an entry of one.
  return wantsParent ? stop(Errno.EISDIR) : encodeWalk({ nodeid: at, error: 0, steps });
}

/** The names of a path; empty ones and "." mean nothing. */
function split(path: Buffer): Buffer[] {
  const names: Buffer[] = [];
  let from = 0;
  for (let i = 0; i <= path.length; i++) {
    if (i < path.length && path[i] !== SLASH) continue;
    const name = path.subarray(from, i);
    if (name.length > 0 && !(name.length === 1 && name[0] === 0x2e)) names.push(name);
    from = i + 1;
  }
  return names;
}
