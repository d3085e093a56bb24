import type { NodeId } from '../../protocol/brand';
import { Fattr } from '../../protocol/fuse';
import { ReplaceHow } from '../../protocol/livemount';
import type { Request } from '../../protocol/message';
import { type OutOf, ops } from '../../protocol/opcodes';
import type { HostPlace } from '../host/hostFs';
import type { ClientState } from './handler';
import type { Published } from '../watch/contract';

const SLASH = Buffer.from('/');

function below(directory: HostPlace, name: Buffer): Buffer {
  return directory.path.length === 1
    ? Buffer.concat([SLASH, name])
    : Buffer.concat([directory.path, SLASH, name]);
}

function named(
  session: ClientState,
  kind: Published['kind'],
  directory: NodeId,
  name: Buffer | undefined,
  isDir = false,
): Published[] {
  const place = session.inodes.placeOf(directory);
  if (place === undefined || name === undefined) return [];
  return [{ kind, sb: place.sb, path: below(place, name), isDir }];
}

function changed(session: ClientState, kind: Published['kind'], nodeid: NodeId): Published[] {
  const place = session.inodes.placeOf(nodeid);
  return place === undefined ? [] : [{ kind, sb: place.sb, path: place.path, isDir: false }];
}

/**
 * What a request will have changed if it succeeds, by the names things have before it: other sessions that watch it
 * are reported even where the host itself reports nothing. Undefined for a request that changes nothing they could see.
 */
export function publishedBy(session: ClientState, request: Request): Published[] | undefined {
  const { nodeid } = request.header;
  const { changes } = ops[request.op];
  if (changes === undefined || changes === 'unseen') return undefined;
  const [first, second] = request.names;
  if (changes === 'rename') {
    const from = session.inodes.placeOf(nodeid);
    const to = session.inodes.placeOf((request as Request<'RENAME'>).in.newdir);
    if (from === undefined || to === undefined || first === undefined || second === undefined) return [];
    return [
      { kind: 'rename', sb: from.sb, path: below(from, first), path2: below(to, second), isDir: false },
    ];
  }
  if (request.op === 'COPY') return named(session, changes, (request as Request<'COPY'>).in.newdir, second);
  if (ops[request.op].names > 0) {
    const isDir = request.op === 'MKDIR' || request.op === 'RMDIR';
    // A symbolic link's second name is its target.
    return named(session, changes, nodeid, first, isDir);
  }
  const isResized = request.op === 'SETATTR' && ((request as Request<'SETATTR'>).in.valid & Fattr.SIZE) !== 0;
  return changed(session, isResized ? 'modify' : changes, nodeid);
}

/** The same with what only the reply says: whether a save made the file. */
export function asDone(change: Published, { op }: Request, value: unknown): Published {
  const made = op === 'REPLACE' && (value as OutOf<'REPLACE'>).how === ReplaceHow.CREATED;
  return made ? { ...change, kind: 'create' } : change;
}
