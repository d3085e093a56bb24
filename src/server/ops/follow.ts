import { decodeWalk } from '../../protocol/walk';
import { encodeFollowed, type FollowedLink, followedSize } from '../../protocol/follow';
import { FOLLOW_MS, FollowOut, WALK_FOLLOW } from '../../protocol/livemount';
import type { Request } from '../../protocol/message';
import type { ClientState, Handlers } from '../connection/handler';
import { innerRequest } from './innerRequest';
import type { OperationContext } from '../host/hostFs';
import { toldLinks } from './directory';
import { walk } from './walk';

/** Links of one listing that are followed at most: a directory full of them is followed by whoever wants to know. */
const LINKS_MAX = 512;

/** FOLLOW: where the links of a listing lead, so that an explorer can show what they are without asking again. */
export async function follow(
  session: ClientState,
  request: Request<'FOLLOW'>,
  handlers: Handlers,
  context: OperationContext,
): Promise<Buffer> {
  const handle = session.handles.get(request.in.fh);
  const names = toldLinks(handle).slice(0, LINKS_MAX);
  if (names.length === 0) return encodeFollowed([]);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), FOLLOW_MS);
  });
  const one = async (name: Buffer): Promise<FollowedLink | undefined> => {
    const inner = innerRequest(request, 'WALK', handle.nodeid, { flags: WALK_FOLLOW }, [name]);
    const walking = walk(session, inner, handlers, context);
    const walked = await Promise.race([walking, late]);
    if (walked !== undefined) return { name, walk: walked };
    // It comes after all, and nobody will count its lookups.
    walking.then(
      (body) => giveBack(session, body),
      () => undefined,
    );
    return undefined;
  };
  try {
    const followed = await Promise.all(names.map((name) => one(name).catch(() => undefined)));
    return encodeFollowed(fitting(session, followed, request.in.size));
  } finally {
    clearTimeout(timer);
  }
}

function fitting(
  session: ClientState,
  followed: readonly (FollowedLink | undefined)[],
  size: number,
): FollowedLink[] {
  const links: FollowedLink[] = [];
  let room = size - FollowOut.size;
  for (const link of followed) {
    if (link === undefined) continue;
    room -= followedSize(link);
    if (room >= 0) links.push(link);
    else giveBack(session, link.walk);
  }
  return links;
}

function giveBack(session: ClientState, walked: Buffer): void {
  for (const { entry } of decodeWalk(walked).steps) {
    if (entry.nodeid !== 0n) session.inodes.forget(entry.nodeid, 1n);
  }
}
