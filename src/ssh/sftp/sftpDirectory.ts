import type { Attributes } from 'ssh2';
import type { HostDirent, HostStat } from '../../server/host/hostFs';
import { hostStatOf, sftpText } from './attributes';
import type { Listing, Listings } from './listings';
import type { PathIdentity } from './pathIdentity';
import { SftpObject } from './sftpObject';

/** An open directory. Nothing is held open on the host: its entries are read with their attributes when asked for. */
export class SftpDirectory extends SftpObject {
  private listing: Listing | undefined;

  constructor(
    path: string,
    private readonly identity: PathIdentity,
    private readonly listings: Listings,
    private readonly look: () => Promise<HostStat>,
  ) {
    super(path);
  }

  override stat(): Promise<HostStat> {
    return this.look();
  }

  override async list(): Promise<HostDirent[]> {
    this.listing = await this.listings.list(this.path);
    return [...this.listing].map(([name, attributes]) => {
      const { ino, mode } = this.statOf(name, attributes);
      return { name: Buffer.from(name), ino, type: direntType(mode) };
    });
  }

  override async lookupMany(names: readonly Buffer[]): Promise<(HostStat | undefined)[]> {
    const listing = this.listing ?? (await this.listings.list(this.path));
    return names.map((bytes) => {
      const name = sftpText(bytes);
      const attributes = listing.get(name);
      return attributes === undefined ? undefined : this.statOf(name, attributes);
    });
  }

  override close(): void {
    this.listing = undefined;
  }

  private statOf(name: string, attributes: Attributes): HostStat {
    return hostStatOf(attributes, this.identity.entry(this.identity.ino(this.path), name));
  }
}

/** d_type of a mode (IFTODT of dirent.h). */
export function direntType(mode: number): number {
  return (mode >> 12) & 15;
}
