/**
 * What the client core offers to the editor and the command line: one remote host's tree, live. Paths are absolute,
 * '/'-separated, in the reversible text form of names.ts (bytes that are no UTF-8 have a place there). Every failure
 * is an ErrnoError.
 */
import type { Mask, SuperblockId } from '../protocol/brand';
import type { Disposable } from '../base/dispose';
import type { MountRecord } from '../protocol/mountRecord';
import type { SbstatOut, Version } from '../protocol/livemount';
import type { UnfinishedSave } from '../protocol/recover';
import type { FindQuery } from '../protocol/find';
import type { CacheMode } from './cache/mode';
import type { SearchEnd, SearchListener } from './find/search';
import type { Processes } from './processes/processes';

export type FileKind = 'file' | 'directory' | 'other';

export interface Stat {
  /** What it is once links are followed; 'other' is a socket, device, pipe or a link that leads nowhere. */
  readonly kind: FileKind;
  readonly isSymlink: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** The agent's user may not write it (mode, or a read-only mount). */
  readonly readonly: boolean;
  readonly version: Version;
  /** The mount that holds it. */
  readonly sb: SuperblockId;
  /** The directory is the root of a mount. */
  readonly isMountpoint: boolean;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: FileKind;
  readonly isSymlink: boolean;
  readonly isMountpoint: boolean;
}

/** How far a long operation is. */
export type Progress = (done: number, total: number) => void;

export interface OperationOptions {
  readonly signal?: AbortSignal;
  readonly progress?: Progress;
}

export type Durability = 'none' | 'fsync' | 'syncfs';

export interface WriteOptions extends OperationOptions {
  /** ENOENT without it when the file does not exist. */
  readonly create: boolean;
  /** EEXIST without it when it does. */
  readonly overwrite: boolean;
  /**
   * The version the caller last saw: EREMCHG, and nothing is written, when the host's file is another one. 'any': nobody
   * has seen it, or it may be lost whatever it is; `create` and `overwrite` alone say what may be there.
   */
  readonly expect: Version | 'any';
  /** Permission bits of a file that is new; default as any program's there. One that is replaced keeps its own. */
  readonly mode?: number;
}

export interface RemoveOptions extends OperationOptions {
  readonly recursive: boolean;
  readonly trash?: boolean;
  /**
   * The superblocks that are emptied with the tree they are mounted in (mountsIn). Any other makes it EBUSY, with the
   * mount points in the message, and nothing is removed. Mount points themselves stay: EBUSY, once the rest is gone.
   */
  readonly crossMounts?: readonly SuperblockId[];
}

export type ChangeKind =
  | 'create'
  | 'modify'
  | 'attrib'
  | 'delete'
  | 'rename'
  | 'overflow'
  | 'mount'
  | 'unmount'
  | 'error';

/** One remote event, as a group receives it. */
export interface Change {
  readonly kind: ChangeKind;
  readonly path: string;
  /** The new path of a rename. */
  readonly to?: string;
  readonly isDirectory: boolean;
  readonly sb: SuperblockId;
  readonly seq: bigint;
  readonly timeNs: bigint;
  /** Of 'error': what the host's kernel said. */
  readonly message?: string;
}

export interface WatchOptions {
  readonly recursive: boolean;
  /** Globs (minimatch), relative to the path or absolute. They are applied on the host. */
  readonly excludes?: readonly string[];
  /** Event bits; default IN_CHANGES. */
  readonly mask?: Mask;
  /** Somebody looks at it: watched first when watches run short. */
  readonly visible?: boolean;
  /** Also tell what this client itself did. Default true: an editor's explorer wants its own creates; own writes never echo. */
  readonly own?: boolean;
}

/** A group with one mark. Disposing it takes the mark away; the aggregate follows. */
export interface Watch extends Disposable {
  /** Settles when the host has acknowledged the watch. */
  readonly ready: Promise<void>;
}

export type LinkState = 'connecting' | 'connected' | 'reconnecting' | 'closed';

/** A superblock as the views show it. */
export interface SuperblockView {
  readonly mount: MountRecord;
  /** "major:minor@mountid" */
  readonly name: string;
  readonly mountpoint: string;
  /** The aggregated mask this client has in force there, and the generation that the agent acknowledged. */
  readonly aggregated: Mask;
  readonly generation: bigint;
  readonly inFlight: number;
  readonly notResponding: boolean;
  readonly eventsPerSecond: number;
  readonly overflows: number;
  readonly errors: number;
  readonly cachedBytes: number;
  readonly cacheMode: CacheMode;
}

/** What "Explain This File" tells. */
export interface Explanation {
  readonly path: string;
  readonly superblock: SuperblockView;
  /** The marks that cover it, in words. */
  readonly marks: readonly {
    readonly path: string;
    readonly mask: Mask;
    readonly recursive: boolean;
    readonly acknowledged: boolean;
  }[];
  readonly lastEvent: Change | undefined;
  /** Which of the four the cache holds, and under what right. */
  readonly cached: readonly ('attributes' | 'entries' | 'absence' | 'content')[];
  readonly lease: 'lease' | 'timeout' | 'none';
  /** What cannot be seen here, one sentence each. */
  readonly blindSpots: readonly string[];
}

export interface HostStatfsView {
  readonly totalBytes: bigint;
  readonly freeBytes: bigint;
}

/** One host's tree, as long as the editor wants it. All of it survives dropped links. */
export interface Vfs extends Disposable {
  readonly state: LinkState;
  /** What runs on the host for this client. */
  readonly processes: Processes;
  /** Round trip in ms, smoothed; undefined before the first reply. */
  readonly rttMs: number | undefined;
  /** From the host's event to here in ms, smoothed, as far as the clocks tell. */
  readonly eventDelayMs: number | undefined;
  /** While it reconnects: milliseconds until the next attempt; undefined while one is under way, or none is planned. */
  readonly retryInMs: number | undefined;
  onStateChange(listener: (state: LinkState, reason: string) => void): Disposable;
  /** Tries at once instead of waiting for the next attempt. */
  reconnect(): void;

  stat(path: string, options?: OperationOptions): Promise<Stat>;
  /** Without following a link at the end. `fresh`: what is known of it, and of all below it, is asked for anew. */
  lstat(path: string, options?: OperationOptions & { readonly fresh?: boolean }): Promise<Stat>;
  readlink(path: string): Promise<string>;
  readDirectory(path: string, options?: OperationOptions): Promise<DirectoryEntry[]>;
  readFile(path: string, options?: OperationOptions): Promise<Buffer>;
  writeFile(path: string, content: Uint8Array, options: WriteOptions): Promise<Stat>;
  mkdir(path: string): Promise<void>;
  remove(path: string, options: RemoveOptions): Promise<void>;
  /** EXDEV across superblocks; the caller decides to copy. */
  rename(from: string, to: string, options: { readonly overwrite: boolean }): Promise<void>;
  copy(from: string, to: string, options: OperationOptions & { readonly overwrite: boolean }): Promise<void>;
  statfs(path: string): Promise<HostStatfsView>;

  /**
   * Searches for text in the files below a folder, on the host; what is found is told as it comes. PatternRefused for what
   * cannot be searched for, ENOSYS on a host without an agent.
   */
  search(path: string, query: FindQuery, listener: SearchListener): Promise<SearchEnd>;
  /** The files below a folder, likewise: all of them, or with `ranked` those that a pattern means, best first. */
  files(path: string, query: FindQuery, listener: SearchListener): Promise<SearchEnd>;

  watch(path: string, options: WatchOptions, listener: (changes: readonly Change[]) => void): Watch;

  superblocks(): readonly SuperblockView[];
  /** Mounts of the host beyond those that `superblocks` gives; what is cached is only believed for a moment then. */
  readonly mountsLeftOut: number;
  /** The mount that holds a path, as far as the agent has named its mounts. */
  superblockAt(path: string): SuperblockView | undefined;
  /** The mounts strictly below a path. */
  mountsBelow(path: string): readonly SuperblockView[];
  onSuperblocksChange(listener: () => void): Disposable;
  /** The agent's counters of a superblock. */
  statSuperblock(sb: SuperblockId): Promise<SbstatOut>;
  /** Writes what this session dirtied on the path's superblock (or all) to the host's disk. */
  sync(path?: string): Promise<void>;
  /** Saves in place that an agent of this user did not live to finish, with what is kept of the files. */
  unfinishedSaves(): Promise<readonly UnfinishedSave[]>;
  /** Puts back what is kept of a file, on disk, or removes it. ENOENT: it is settled. */
  settleSave(id: bigint, how: 'restore' | 'discard'): Promise<void>;
  explain(path: string): Promise<Explanation>;
}
