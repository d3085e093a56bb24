import { FollowLink, FollowOut } from './livemount';
import { packRecord, RecordReader } from './pack';

/** A symbolic link of a directory, and the body of the WALK to where it leads. */
export interface FollowedLink {
  readonly name: Buffer;
  readonly walk: Buffer;
}

/** What a link takes in the reply of a FOLLOW. */
export function followedSize({ name, walk }: FollowedLink): number {
  return (FollowLink.size + name.length + walk.length + 7) & ~7;
}

/** The body of a FOLLOW reply. */
export function encodeFollowed(links: readonly FollowedLink[]): Buffer {
  const records = links.map(({ name, walk }) =>
    packRecord(FollowLink.encode({ namelen: name.length, walklen: walk.length }), name, walk),
  );
  return Buffer.concat([FollowOut.encode({ count: links.length, flags: 0 }), ...records]);
}

/** Reads the body of a FOLLOW reply; EIO for a torn one. */
export function decodeFollowed(body: Buffer): FollowedLink[] {
  const reader = new RecordReader(body, 'EIO');
  const { count } = reader.take(FollowOut);
  const links: FollowedLink[] = [];
  for (let i = 0; i < count; i++) {
    const { namelen, walklen } = reader.take(FollowLink);
    links.push({ name: reader.bytes(namelen), walk: reader.view(walklen) });
    reader.align();
  }
  return links;
}
