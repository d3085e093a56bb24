import { BoundedMap } from '../../../base/boundedMap';
import type { Awaitable } from '../../host/hostFs';
import type { Seen } from '../arming/backend';
import { WRITTEN } from '../eventBits';
import { absolute, type BytePath, nameOf, parentOf, ROOT_PATH } from '../bytePath';
import { Kind } from '../change';
import { DT, typeOfMode } from './entries';
import type { ShadowHost } from './shadowHost';
import { RecentStamps } from './stamps';
import { DirNode } from './tree';
import { UnverifiedDirectories } from './unverified';
import { unseen, UnwatchedDirectories } from './unwatched';

/** Where a directory is, and whether everything in it is of interest. */
export interface Standing {
  readonly path: BytePath;
  readonly everything: boolean;
}

/** A storm touches some hundred directories at a time. */
const KEPT_STANDINGS = 4096;

/**
 * What is known of a superblock: its directories as they were last reported, and how far that can be trusted. The
 * shadow, the scanner, the poller and the mountpoints work on it; none of them knows another one's state.
 */
export class ShadowTree {
  readonly root = new DirNode(undefined, ROOT_PATH);
  readonly unverified = new UnverifiedDirectories();
  readonly unwatched = new UnwatchedDirectories();
  readonly stamps = new RecentStamps();
  /** Directories looked at by path since the host was last known to be quiet: a move that was not known then misled us. */
  private readonly looked = new Set<DirNode>();
  /** Those of them where a file that was known was looked at: its version may have been another one's. */
  private readonly lookedAtFiles = new Set<DirNode>();
  /** Directories reported as made since then, by inode: one that was reported ahead of its move is known twice. */
  private readonly appeared = new Map<number, DirNode>();
  /** Directories whose place is known, until one moves or goes. */
  private readonly standings = new BoundedMap<DirNode, Standing>(KEPT_STANDINGS);

  constructor(private readonly host: ShadowHost) {}

  find(path: BytePath): DirNode | undefined {
    let node: DirNode | undefined = this.root;
    if (path === ROOT_PATH) return node;
    for (const name of path.split('/')) node = node?.dirs?.get(name as BytePath);
    return node;
  }

  /** There is an entry for a path. */
  knows(path: BytePath): boolean {
    return this.find(parentOf(path))?.entries?.get(nameOf(path)) !== undefined;
  }

  /** What can't be looked at (no permission, an I/O error) is UNSEEN, which stays what it was: it counts as elsewhere. */
  stat(path: BytePath): Awaitable<Seen | undefined> {
    try {
      const seen = this.host.lister.stat(absolute(this.host.base, path));
      return seen instanceof Promise ? seen.catch(unseen) : seen;
    } catch (error) {
      return unseen(error);
    }
  }

  // Places -----------------------------------------------------------------------------------------------------------

  /** It was looked up since a directory moved or went: its place needs no second look. */
  hasStanding(node: DirNode): boolean {
    return this.standings.has(node);
  }

  isStanding(node: DirNode): boolean {
    return this.standings.has(node) || node.isAttached;
  }

  standing(node: DirNode): Standing {
    const known = this.standings.get(node);
    if (known !== undefined) return known;
    const path = node.path;
    const everything = this.host.coverage.over(path).some((mark) => mark.excludes.length === 0);
    const standing = { path, everything };
    this.standings.set(node, standing);
    return standing;
  }

  /** A directory moved or went, or what is of interest changed. */
  forgetStandings(): void {
    this.standings.clear();
  }

  /** Takes a subtree out without reporting it. */
  drop(top: DirNode): void {
    this.standings.clear();
    for (const node of top.subtree()) {
      this.host.disarm(node);
      this.unverified.delete(node);
      this.unwatched.delete(node);
      this.looked.delete(node);
      this.lookedAtFiles.delete(node);
    }
    top.detach();
  }

  // Trust ------------------------------------------------------------------------------------------------------------

  /** A directory was looked into by path. */
  lookedAt(node: DirNode): void {
    this.looked.add(node);
  }

  /** A file that was known there was looked at by path, and its version may have been reported. */
  lookedAtFile(node: DirNode): void {
    this.lookedAtFiles.add(node);
  }

  /** A directory was reported as made. */
  hasAppeared(ino: number, node: DirNode): void {
    this.appeared.set(ino, node);
  }

  /**
   * A tree moved: what was looked at in it by path may have been another one's. `ino`: the inode of its top; `over`: there
   * was something under its new name.
   */
  moved(top: DirNode, ino: number, over: boolean): void {
    const twin = this.appeared.get(ino);
    // What happened in it may have been reported in another node for it, wherever that is by now.
    const wasSeenAhead = over || (twin !== undefined && twin !== top);
    const all = this.host.coverage.hasExcludes;
    for (const node of top.subtree()) {
      if (wasSeenAhead || this.lookedAtFiles.has(node)) this.unverified.add(node, this.host.knownUpToNs);
      else if (all || this.looked.has(node)) this.unverified.add(node);
    }
  }

  /** The host is quiet, and was since before the last look: what was seen by path was right. */
  quiet(): void {
    for (const node of this.looked) if (node.entries?.isUnpacked) node.entries.pack();
    this.looked.clear();
    this.lookedAtFiles.clear();
    this.appeared.clear();
  }

  /** Nothing is to be seen in a directory for now: it is looked at again now and then. */
  notSeen(node: DirNode, sinceNs = this.host.knownUpToNs): void {
    this.unwatched.add(node, sinceNs);
    this.host.poll(node);
  }

  // Reports ----------------------------------------------------------------------------------------------------------

  /** Reports a version that is news. `node`: the directory that the object lies in. */
  reportWritten(node: DirNode, path: BytePath, seen: Seen, bits: number, flags = 0): void {
    const isDir = typeOfMode(seen.mode) === DT.DIR;
    const kind = (bits & WRITTEN) !== 0 && !isDir ? Kind.MODIFY : Kind.ATTRIB;
    const isNews =
      kind === Kind.MODIFY ? this.stamps.note(seen, node.id) : this.stamps.noteAttributes(seen, node.id);
    if (isNews) this.host.report({ kind, path, isDir, seen, flags });
  }

  /** The marked paths below a directory that went which were there. */
  lostBelow(path: BytePath): BytePath[] {
    return this.host.coverage.marksBelow(path).filter((marked) => this.knows(marked));
  }
}
