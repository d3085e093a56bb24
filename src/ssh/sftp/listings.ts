import type { Attributes, FileEntryWithStats, SFTPWrapper } from 'ssh2';
import { ErrnoError } from '../../protocol/errno';
import type { Done, SftpCalls } from './sftpCalls';

/** Attributes by name. */
export type Listing = ReadonlyMap<string, Attributes>;

/**
 * Lists directories with the attributes of their entries, which SFTP tells in the same answers. For a short time a
 * listing also answers for its entries, so that looking at each of them costs nothing.
 */
export class Listings {
  private readonly known = new Map<string, { readonly at: number; readonly listing: Promise<Listing> }>();
  /** Directories of which an entry was asked for lately, before the directory was listed. */
  private readonly asked = new Map<string, number>();

  constructor(
    private readonly calls: SftpCalls,
    private readonly now: () => number,
    private readonly validMs: number,
  ) {}

  /** What is known may be wrong now. */
  forget(): void {
    this.known.clear();
  }

  /** As of now. ENOTDIR and ENOENT as with opendir(3). */
  list(directory: string): Promise<Listing> {
    const listing = this.read(directory);
    const at = this.now();
    this.expire(at);
    this.known.set(directory, { at, listing });
    listing.catch(() => this.known.delete(directory));
    return listing;
  }

  /**
   * An entry's attributes, not older than the validity; undefined if it is not there. The first question about a
   * directory asks for the one entry, the second for all of them.
   */
  async entry(directory: string, name: string): Promise<Attributes | undefined> {
    const now = this.now();
    this.expire(now);
    let listing = this.known.get(directory)?.listing;
    if (listing === undefined && this.asked.has(directory)) listing = this.list(directory);
    this.asked.set(directory, now);
    if (listing !== undefined) {
      try {
        return (await listing).get(name);
      } catch (error) {
        // Entries of a directory that can't be listed may still be looked at.
        if (!(error instanceof ErrnoError) || error.code !== 'EACCES') throw error;
      }
    }
    return this.calls.call<Attributes>('repeatable', (sftp, done) =>
      sftp.lstat(joined(directory, name), done),
    );
  }

  private expire(now: number): void {
    for (const [directory, { at }] of this.known) if (now - at > this.validMs) this.known.delete(directory);
    for (const [directory, at] of this.asked) if (now - at > this.validMs) this.asked.delete(directory);
  }

  private async read(directory: string): Promise<Listing> {
    const entries = await this.calls.call(
      'repeatable',
      (sftp: SFTPWrapper, done: Done<FileEntryWithStats[]>) => sftp.readdir(directory, done),
    );
    const found = entries.filter(({ filename }) => filename !== '.' && filename !== '..');
    return new Map(found.map(({ filename, attrs }) => [filename, attrs]));
  }
}

/** The path of an entry. */
export function joined(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}
