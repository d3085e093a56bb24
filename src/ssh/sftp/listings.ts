import type { Attributes, SFTPWrapper } from 'ssh2';
import { asError } from '../../base/errors';
import { ErrnoError } from '../../protocol/errno';
import { nextEntries } from '../transport/ssh2Internals';
import type { Done, SftpCalls } from './sftpCalls';

/** Attributes by name. */
export type Listing = ReadonlyMap<string, Attributes>;

/**
 * Lists directories with the attributes of their entries, which SFTP sends in the same answers. For a short time a
 * listing also answers for its entries, so that looking at each of them costs nothing.
 */
export class Listings {
  private readonly known = new Map<string, { readonly at: number; readonly listing: Promise<Listing> }>();
  /** Directories of which an entry was asked for lately, before the directory was listed. */
  private readonly asked = new Map<string, number>();

  /** @param log takes a line about names that no file can have. */
  constructor(
    private readonly calls: SftpCalls,
    private readonly now: () => number,
    private readonly validMs: number,
    private readonly log: (message: string) => void,
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
    const { listing, impossible } = await this.calls.call(
      'repeatable',
      (sftp: SFTPWrapper, done: Done<Read>) => {
        readAll(sftp, directory).then(
          (read) => done(undefined, read),
          (error) => done(asError(error), { listing: new Map(), impossible: 0 }),
        );
      },
    );
    if (impossible > 0) {
      this.log(`${directory}: the host lists ${impossible} names that no file can have; they are left out`);
    }
    return listing;
  }
}

/** What was read of a directory. */
interface Read {
  readonly listing: Listing;
  /** Entries whose names no file can have. */
  readonly impossible: number;
}

/** No directory that people work in has more, and with their attributes these take a few hundred megabytes. */
const MOST_ENTRIES = 1_000_000;

/** Of all names together. */
const MOST_NAME_LENGTH = 128 << 20;

/** A server without further entries answers that it is at the end; one that sends empty answers instead goes on for ever. */
const MOST_EMPTY_ANSWERS = 3;

/** Reads a directory to its end. EIO for one whose listing does not come to an end. */
async function readAll(sftp: SFTPWrapper, directory: string): Promise<Read> {
  const handle = await promised<Buffer>((done) => sftp.opendir(directory, done));
  try {
    const listing = new Map<string, Attributes>();
    let [length, impossible, empty] = [0, 0, 0];
    for (;;) {
      const entries = await nextEntries(sftp, handle);
      if (entries === undefined) return { listing, impossible };
      if (entries.length === 0) empty++;
      const before = listing.size;
      for (const { filename, attrs } of entries) {
        if (filename === '.' || filename === '..') continue;
        if (!isName(filename)) impossible++;
        else {
          length += filename.length;
          listing.set(filename, attrs);
        }
      }
      // An answer of names that were there before brings the end no nearer either.
      if (entries.length > 2 && listing.size === before) empty++;
      if (empty > MOST_EMPTY_ANSWERS || listing.size + impossible > MOST_ENTRIES || length > MOST_NAME_LENGTH)
        throw new ErrnoError('EIO', `the host's listing of ${directory} does not come to an end`);
    }
  } finally {
    sftp.close(handle, () => {});
  }
}

function isName(text: string): boolean {
  return text !== '' && !/[/\0]/.test(text);
}

function promised<T>(request: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) =>
    request((error, value) => (error ? reject(error) : resolve(value))),
  );
}

/** The path of an entry. */
export function joined(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}
