import { realpathSync, statSync } from 'node:fs';
import type { RemoteTree } from '../client/remoteTree';
import type { Change, Watch } from '../client/vfs';
import { type Disposable, DisposableStore } from '../base/dispose';
import { messageOf } from '../base/errors';
import { bytesOf } from '../protocol/names';
import { normalize } from '../protocol/paths';
import { S_IFDIR, S_IFMT } from '../protocol/fuse';
import type { Ids } from './ids';
import { whyLoops } from './loops';
import { attach, detach } from './kernel/attach';
import { type LiveMountEntry, liveMounts } from './kernel/liveMounts';
import { MountError } from './kernel/mountError';
import { takeAwayAtDeath } from './kernel/watcher';
import { Mount } from './mount';

export interface LiveMountOptions {
  /** The folder on the host; links are followed. */
  readonly path: string;
  /** Where to mount it: a directory of this machine. */
  readonly directory: string;
  /** What the mount table names as the source: HOST:/path. */
  readonly source: string;
  readonly readOnly: boolean;
  readonly timeoutS?: number | undefined;
  /** How long what is written waits for more, in ms. */
  readonly gatherMs?: number | undefined;
  /** Who is who here and on the host; default: the same numbers. */
  readonly ids?: Ids | undefined;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** A folder of a host in the tree of this machine. */
export interface LiveMount extends Disposable {
  readonly directory: string;
  /** Resolves when it is not mounted any more; with the reason where it went without being asked to. */
  readonly ended: Promise<string | undefined>;
  /** Takes it away. EBUSY while somebody uses it, unless `lazy`. */
  unmount(lazy: boolean): Promise<void>;
}

/** What was written and not closed properly has so long to reach the host when the mount is gone, in ms. */
const LAST_WRITES_MS = 60_000;

/** False: it took longer. */
async function within(ms: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  return Promise.race([work.then(() => true), late]).finally(() => clearTimeout(timer));
}

/** Mounts a host's folder. The connection must have been made with FEATURE_KERNEL. Throws MountError, or what the host says. */
export async function openLiveMount(tree: RemoteTree, options: LiveMountOptions): Promise<LiveMount> {
  const { core } = tree;
  const { path, source, readOnly, timeoutS, ids, log, signal } = options;
  const directory = mountPoint(options.directory);
  const found = await core.lookup(normalize(path), true, signal);
  if ((found.attr.mode & S_IFMT) !== S_IFDIR) throw new MountError(`${source} is no folder`);
  const read = (file: string) => tree.readFile(file, signal && { signal });
  const loop = await whyLoops(read, bytesOf(found.path), Buffer.from(directory));
  if (loop !== undefined) throw new MountError(loop);
  const owned = new DisposableStore();
  try {
    let mount: Mount | undefined;
    // What no event stands for: a mount that came or went, and that another agent watches now.
    const announced = (changes: readonly Change[]) => {
      for (const { kind, seq } of changes) {
        if (seq !== 0n) continue;
        if (kind === 'overflow' || kind === 'mount' || kind === 'unmount') mount?.echo.regained();
      }
    };
    const lease: Watch = owned.add(tree.watch(found.path, { recursive: true }, announced));
    lease.ready.catch((error) => log(`${source} is not watched: ${messageOf(error)}`));
    const device = await attach(directory, { source });
    mount = new Mount(core, {
      root: { path: found.path, attr: found.attr, sb: found.inode.sb },
      device,
      directory,
      timeoutS,
      gatherMs: options.gatherMs,
      ids,
      readOnly,
      watch: (place, mask) => tree.watch(place, { recursive: false, visible: true, mask }, () => undefined),
      log,
    });
    owned.add(mount);
    let { epoch } = core;
    const { echo } = mount;
    owned.add(
      tree.onStateChange(() => {
        echo.intake.reconnected();
        if (core.epoch === epoch) return;
        epoch = core.epoch;
        echo.lost();
      }),
    );
    try {
      await mount.device.ready;
      await Promise.race([mount.ready, mount.ended]);
      const entry = entryOf(directory);
      if (entry !== undefined) owned.add(takeAwayAtDeath({ ...entry, directory }));
      mount.start(entry?.device ?? 0);
    } catch (error) {
      await detach(directory, true).catch(() => undefined);
      throw error;
    }
    const { writeBehind } = mount;
    const ended = mount.ended
      .then(async (reason) => {
        if (!(await within(LAST_WRITES_MS, writeBehind.drained())))
          log(`${source}: what programs wrote last did not reach the host`);
        return reason;
      })
      .finally(() => owned.dispose());
    return {
      directory,
      ended,
      unmount: (lazy) => detach(directory, lazy),
      dispose: () => owned.dispose(),
    };
  } catch (error) {
    owned.dispose();
    throw error;
  }
}

/** The directory without links, as the mount table will name it. A mount that stands there already is covered. */
function mountPoint(directory: string): string {
  const resolved = whatIs(() => realpathSync(directory));
  if (resolved === undefined || !whatIs(() => statSync(resolved))?.isDirectory())
    throw new MountError(`${directory} is no directory of this machine`);
  return resolved;
}

function whatIs<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** The newest live mount at a directory. */
function entryOf(directory: string): LiveMountEntry | undefined {
  return liveMounts()
    .filter((entry) => entry.directory === directory)
    .at(-1);
}
