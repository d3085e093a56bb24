import type { Duplex, Readable } from 'node:stream';
import { type Disposable, DisposableStore } from '../base/dispose';
import type { RemoteTree } from '../client/remoteTree';
import type { Vfs } from '../client/vfs';
import { formatTarget, type Target } from '../ssh/config/target';
import type { HostCleaning } from '../ssh/agent/clean';
import type { Colours } from './colours';
import { Failure, hostFailure } from './errors';
import type { LocalTerminal } from './localTerminal';
import { type Location, resolved } from './location';
import type { Meter } from './meter';
import type { Flags } from './options';
import type { Output } from './output';

/** What a command's connection is made with. */
export interface ConnectRequest {
  /** `[user@]HOST[:port]` */
  readonly target: string;
  readonly flags: Flags;
  readonly signal: AbortSignal;
  /** For people, at level 1 (-v) or 2 (-vv). */
  readonly log: (level: 1 | 2, line: string) => void;
}

/** A host that is connected. */
export interface HostTree {
  readonly vfs: Vfs;
  /** The user's home folder there; Failure where the host does not say it. */
  home(): Promise<string>;
  /** Connects to a TCP port as the host sees it. */
  openTcp(host: string, port: number, signal?: AbortSignal): Promise<Duplex>;
}

export type Connect = (request: ConnectRequest) => Promise<HostTree>;

/** Connects for a mount: it stays, and passes on what a kernel asks. */
export type ConnectForMount = (
  request: ConnectRequest,
) => Promise<{ readonly tree: RemoteTree; home(): Promise<string> }>;

/** What a command has to work with. */
export interface Context {
  readonly flags: Flags;
  readonly stdin: Readable;
  readonly stdout: Output;
  /** For what a program of the host writes there. */
  readonly stderr: Output;
  /** The terminal this program runs in. */
  readonly terminal: LocalTerminal | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly colours: Colours;
  readonly meter: Meter;
  /** One line for people, on standard error. */
  say(line: string): void;
  /** A failure that does not end the command: said as the last one would be. */
  sayFailure(error: unknown): void;
  /** The same as `say`, only if the user asked for that much (-v). */
  log(level: 1 | 2, line: string): void;
  /** The user interrupted us, or nobody reads our output any more. */
  readonly signal: AbortSignal;
  readonly connect: Connect;
  readonly connectForMount: ConnectForMount;
  /** The command line as it was given. */
  readonly args: readonly string[];
  /** What Livemount keeps on a host. */
  readonly cleaning: (request: ConnectRequest) => Promise<HostCleaning>;
  /** Asks on the terminal; undefined without one. */
  readonly confirm: ((question: string) => Promise<boolean>) | undefined;
}

/** The hosts of one command, each connected once, when it is first asked for. */
export class Hosts implements Disposable {
  private readonly owned = new DisposableStore();
  private readonly trees = new Map<string, Promise<HostTree>>();
  private readonly homes = new Map<string, Promise<string>>();

  constructor(private readonly context: Context) {}

  async at(target: Target): Promise<Vfs> {
    return (await this.tree(formatTarget(target))).vfs;
  }

  /** The host of a place, and its path there. */
  async find(location: Location): Promise<{ readonly vfs: Vfs; readonly path: string }> {
    const name = formatTarget(location.target);
    const tree = await this.tree(name);
    if (!location.fromHome) return { vfs: tree.vfs, path: location.path };
    let home = this.homes.get(name);
    if (home === undefined) {
      home = tree.home();
      this.homes.set(name, home);
    }
    return { vfs: tree.vfs, path: resolved(location, await home) };
  }

  dispose(): void {
    this.owned.dispose();
  }

  /** A host by name. */
  tree(name: string): Promise<HostTree> {
    let tree = this.trees.get(name);
    if (tree === undefined) {
      tree = this.connect(name);
      this.trees.set(name, tree);
    }
    return tree;
  }

  private async connect(name: string): Promise<HostTree> {
    const { context, owned } = this;
    const { flags, signal, connect } = context;
    const tree = await connect({
      target: name,
      flags,
      signal,
      log: (level, line) => context.log(level, line),
    });
    owned.add(tree.vfs);
    owned.add(
      tree.vfs.onStateChange((state, reason) => {
        const line = `${name}: ${state}${reason === '' ? '' : ` (${reason})`}`;
        // The way back has a reason where it leads to another agent.
        if (state === 'connected' && reason === '') context.log(1, line);
        else context.say(line);
      }),
    );
    return tree;
  }
}

/** Connects, does the work, and ends the connections whatever happened. */
export async function withHosts<T>(context: Context, work: (hosts: Hosts) => Promise<T>): Promise<T> {
  const hosts = new Hosts(context);
  try {
    return await work(hosts);
  } finally {
    hosts.dispose();
  }
}

/** The same for a command on one place. What the host refuses is said about the path. */
export function withHost<T>(
  context: Context,
  location: Location,
  work: (vfs: Vfs, path: string) => Promise<T>,
): Promise<T> {
  return withHosts(context, async (hosts) => {
    const { vfs, path } = await hosts.find(location);
    return about(path, () => work(vfs, path));
  });
}

/**
 * The same for a command on several places, in their order: what fails is said, and the others are done all the same.
 * False if something failed. An interrupt ends it, and so does a host that cannot be connected, if it is the only one.
 */
export function withEach(
  context: Context,
  locations: readonly Location[],
  work: (vfs: Vfs, path: string, location: Location) => Promise<void>,
): Promise<boolean> {
  return withHosts(context, async (hosts) => {
    const unreachable = new Set<string>();
    const others = new Set(locations.map(({ target }) => formatTarget(target))).size > 1;
    let done = true;
    for (const location of locations) {
      const name = formatTarget(location.target);
      if (unreachable.has(name)) continue;
      try {
        await hosts.at(location.target);
      } catch (error) {
        if (!others || context.signal.aborted) throw error;
        unreachable.add(name);
        context.sayFailure(error);
        done = false;
        continue;
      }
      try {
        const { vfs, path } = await hosts.find(location);
        await about(path, () => work(vfs, path, location));
      } catch (error) {
        if (context.signal.aborted || locations.length === 1) throw error;
        context.sayFailure(error);
        done = false;
      }
    }
    return done;
  });
}

/** Says what fails about a path, unless it says already what it is about. */
export async function about<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Failure ? error : hostFailure(error, path);
  }
}
