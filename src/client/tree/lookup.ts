import type { Clock } from '../../base/clock';
import { verifyAttr } from '../../protocol/attributes';
import type { NodeId } from '../../protocol/brand';
import { Errno, ErrnoError } from '../../protocol/errno';
import type { Attr } from '../../protocol/fuse';
import { namesOf, type RemotePath } from '../../protocol/paths';
import { decodeWalk, type WalkResult } from '../../protocol/walk';
import type { Invalidations, Stamp } from '../cache/invalidations';
import type { Cached, Subject } from '../cache/policy';
import type { Inode } from './inodes';
import type { KnownTree } from './knownTree';
import type { Rights } from './rights';
import { type Outcome, type PositiveDentry, resolve } from './resolution';

/** What a path stands for. */
export interface Found {
  readonly kind: 'found';
  readonly inode: Inode;
  readonly attr: Attr;
  /** Without links. */
  readonly path: RemotePath;
  /** The name itself is a link, which was followed. */
  readonly link: Inode | undefined;
}

/** A path that leads nowhere. */
export interface Nothing {
  readonly kind: 'nothing';
  readonly errno: number;
  /** The name is there, a link that leads nowhere. */
  readonly link: Found | undefined;
}

/** A WALK to be asked for. */
export interface WalkQuestion {
  /** The path as a whole: it says which superblock answers. */
  readonly path: RemotePath;
  readonly nodeid: NodeId;
  readonly rest: readonly string[];
  readonly follow: boolean;
  /** The reply is taken in under it. */
  readonly stamp: Stamp;
  readonly signal: AbortSignal | undefined;
}

/** What looking up asks the host. ESTALE: it does not know the nodeid any more. */
export interface HostQuestions {
  /** The body of the WALK's reply; undefined: it was not carried out, ask again. */
  walk(question: WalkQuestion): Promise<Buffer | undefined>;
  attributes(path: RemotePath, nodeid: NodeId, signal: AbortSignal | undefined): Promise<Attr>;
}

/** What looking up needs. */
export interface LookupParts {
  readonly known: KnownTree;
  readonly rights: Rights;
  readonly invalidations: Invalidations;
  readonly host: HostQuestions;
  readonly clock: Clock;
}

/** How often a path is looked up while it keeps changing under the walk. */
const WALKS_MAX = 5;

/** What the steps of a walk that ended with it show: they are resolved to the same error. */
const SHOWN_BY_STEPS: ReadonlySet<number> = new Set([Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP]);

/** Finds what paths stand for: in the cache as far as it may be used, and from the host. */
export class Lookup {
  constructor(private readonly parts: LookupParts) {}

  /**
   * What the cache alone says of a path. `stamp`: replies taken in under it may be used once, whatever came since;
   * `followed` takes the links on the way.
   */
  resolve(
    path: RemotePath,
    follow: boolean,
    nowMs: number,
    { stamp, followed }: { readonly stamp?: Stamp | undefined; readonly followed?: RemotePath[] } = {},
  ): Outcome {
    const { known, rights } = this.parts;
    const usable = (cached: Cached, at: RemotePath, subject: Subject) =>
      cached.stamp === stamp || rights.to(cached, at, subject, false, nowMs) !== 'none';
    return resolve(known.root, namesOf(path), follow, usable, followed);
  }

  /** How a path was resolved that has just been looked up, whatever its parts may be used for later. */
  resolveKnown(path: RemotePath, followed: RemotePath[]): Outcome {
    return resolve(this.parts.known.root, namesOf(path), true, () => true, followed);
  }

  /** Finds what a path stands for, with attributes: from the cache, or in one round trip. ENOENT, ENOTDIR, ELOOP, ... */
  async find(path: RemotePath, follow: boolean, signal?: AbortSignal): Promise<Found> {
    const sought = await this.search(path, follow, signal);
    if (sought.kind === 'nothing') throw new ErrnoError(sought.errno, path);
    return sought;
  }

  /** As `find`, but a path that leads nowhere is an answer too, with the link that it ends in. */
  async search(path: RemotePath, follow: boolean, signal?: AbortSignal): Promise<Found | Nothing> {
    const { rights, clock } = this.parts;
    const nowMs = clock.now();
    let stamp: Stamp | undefined;
    for (let walks = 0; ; walks++) {
      const outcome = this.resolve(path, follow, nowMs, { stamp });
      if (outcome.kind === 'found') {
        const { dentry, link } = outcome;
        const attr = dentry.inode.attr;
        const isNew = attr !== undefined && attr.stamp === stamp;
        if (attr !== undefined && (isNew || rights.toAttributes(dentry.inode, outcome.path, nowMs))) {
          return {
            kind: 'found',
            inode: dentry.inode,
            attr: attr.value,
            path: outcome.path,
            link: link?.inode,
          };
        }
      } else if (outcome.kind !== 'missing') {
        return nothing(outcome);
      }
      if (walks === WALKS_MAX) throw new ErrnoError('ESTALE', `${path} changed while it was looked up`);
      if (outcome.kind === 'found') stamp = await this.getattr(outcome.dentry, outcome.path, signal);
      else stamp = await this.walk(outcome.from, outcome.rest, follow, path, signal);
    }
  }

  /** Runs a reply's taking-in under a stamp of its own. */
  async stamped<T>(ask: (stamp: Stamp) => Promise<T>): Promise<T> {
    const { invalidations, clock } = this.parts;
    const stamp = invalidations.begin(clock.now());
    try {
      return await ask(stamp);
    } finally {
      invalidations.end(stamp, clock.now());
    }
  }

  /** Takes in the reply of a WALK from a directory. Throws what ended it where the steps don't say it themselves. */
  walked(body: Buffer, from: PositiveDentry, path: RemotePath, stamp: Stamp): WalkResult {
    const { known } = this.parts;
    const result = decodeWalk(body);
    known.tree.walked(result, stamp);
    const errno = -result.error;
    if (errno === 0 || SHOWN_BY_STEPS.has(errno)) return result;
    if (errno !== Errno.ESTALE || from.parent === undefined) throw new ErrnoError(errno, path);
    known.dropName(from);
    return result;
  }

  /** Asks the host for the rest of a path; gives the stamp its reply was taken in under. */
  private async walk(
    from: PositiveDentry,
    rest: readonly string[],
    follow: boolean,
    path: RemotePath,
    signal: AbortSignal | undefined,
  ): Promise<Stamp> {
    return this.stamped(async (stamp) => {
      const { nodeid } = from.inode;
      const ask = () => this.parts.host.walk({ path, nodeid, rest, follow, stamp, signal });
      const body = await this.unlessStale(from, ask);
      if (body !== undefined) this.walked(body, from, path, stamp);
      return stamp;
    });
  }

  private async getattr(
    dentry: PositiveDentry,
    path: RemotePath,
    signal: AbortSignal | undefined,
  ): Promise<Stamp> {
    return this.stamped(async (stamp) => {
      const { inode } = dentry;
      const ask = () => this.parts.host.attributes(path, inode.nodeid, signal);
      const attr = await this.unlessStale(dentry, ask);
      if (attr !== undefined) this.parts.known.tree.learn(inode, path, verifyAttr(attr, inode.type), stamp);
      return stamp;
    });
  }

  /** Undefined where the host does not know the nodeid any more: the name is dropped, to be looked up by its path. */
  private async unlessStale<T>(dentry: PositiveDentry, ask: () => Promise<T>): Promise<T | undefined> {
    const { known } = this.parts;
    try {
      return await ask();
    } catch (error) {
      if (!known.isOutdated(error, dentry)) throw error;
      known.dropName(dentry);
      return undefined;
    }
  }
}

function nothing(outcome: Exclude<Outcome, { kind: 'found' | 'missing' }>): Nothing {
  const { link } = outcome;
  const attr = link?.inode.attr?.value;
  return {
    kind: 'nothing',
    errno: outcome.kind === 'absent' ? Errno.ENOENT : outcome.errno,
    link: link && attr && { kind: 'found', inode: link.inode, attr, path: link.path, link: undefined },
  };
}
