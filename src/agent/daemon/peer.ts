import type { Stats } from 'node:fs';
import type { Socket } from 'node:net';

/** Says which user is at the other end of a Unix socket, given its descriptor. */
export type PeerUid = (fd: number) => number;

const OTHERS = 0o077;
const ROOT = 0;

/** Whether a socket's file was made by this user and lets nobody else in. */
export function isOurSocket(found: Stats): boolean {
  return found.isSocket() && found.uid === process.getuid?.() && (found.mode & OTHERS) === 0;
}

/**
 * Whether this user, or root, is at the other end of a connected socket. Without `peerUid` the private folder that the
 * socket is in has to say that.
 */
export function isOurPeer(socket: Socket, peerUid: PeerUid | undefined): boolean {
  if (peerUid === undefined) return true;
  const fd = descriptorOf(socket);
  if (fd === undefined) return false;
  const uid = peerUid(fd);
  return uid === process.getuid?.() || uid === ROOT;
}

/** Node has no name for it, but each of its versions has the descriptor in the handle; undefined once it is closed. */
function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: number } | null };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}
