import type { Disposable } from '../../../base/dispose';
import { In } from '../../../protocol/mask';
import type { Awaitable } from '../../host/hostFs';
import type { Armed, BackendSession, Choice } from './backend';
import { absolute, type AbsolutePath } from '../bytePath';
import { type Poller, VISIBLE_INTERVAL_MS } from '../shadow/poller';
import type { ShadowHost } from '../shadow/shadowHost';
import { type DirNode, NO_WATCH } from '../shadow/tree';

/** Before `begin`. */
const NOT_YET: Choice = { backend: 'none', reason: '', foreignWrites: false };

/** What arming reports to the rest of the agent, and where it learns how to raise the host's limits. */
interface ArmingOptions {
  readonly backends: { readonly limitAdvice: string };
  /** The superblock is watched in another way than before. */
  chosen(choice: Choice): void;
}

/**
 * Which directories of a superblock have a watch of the host, and which are polled, all of them or for want of one. It
 * owns the backend's session from `begin` on.
 */
export class Arming implements Disposable {
  private session: BackendSession | undefined;
  /** What was chosen when the superblock began to be watched. */
  private first: Choice = NOT_YET;
  private current: Choice = NOT_YET;
  private hasRunOut = false;

  constructor(
    private readonly host: Pick<ShadowHost, 'base' | 'coverage'>,
    private readonly poller: Poller,
    private readonly options: ArmingOptions,
  ) {}

  /** Called once, before anything is armed. */
  begin({ choice, session }: { choice: Choice; session: BackendSession | undefined }): void {
    this.session = session;
    this.first = choice;
    this.current = choice;
  }

  /** How the superblock is watched now. */
  get choice(): Choice {
    return this.current;
  }

  get watchesAll(): boolean {
    return this.session?.watchesAll ?? this.current.backend === 'none';
  }

  get watches(): number {
    return this.session?.watches ?? 0;
  }

  /** How long a change may take to be found by polling, in ms, in steps of two; 0: nothing is polled. */
  get pollMs(): number {
    const { backend } = this.current;
    // What is polled only because nothing could be seen of it has no lease, and that of all else is no shorter for it.
    if (this.poller.size === 0 || (backend !== 'poll' && backend !== 'inotify+poll')) return 0;
    const { paceMs } = this.poller;
    return Math.round(paceMs) <= VISIBLE_INTERVAL_MS
      ? Math.ceil(paceMs)
      : VISIBLE_INTERVAL_MS * 2 ** Math.ceil(Math.log2(paceMs / VISIBLE_INTERVAL_MS));
  }

  /** Watched and polled: others write there too. */
  private get isHybrid(): boolean {
    return this.first.backend === 'inotify+poll';
  }

  /** Resolves when everything that happened before the call has been reported by the backend. */
  async sync(): Promise<void> {
    await this.session?.sync();
  }

  /** What is of interest, or where mounts stand, changed. */
  retargeted(): void {
    this.session?.retargeted();
  }

  /** The superblock shows a single file: it is compared, whatever was chosen. */
  isFile(): void {
    if (this.current.backend === 'none') return;
    this.poller.addFile();
    const reason = 'a single file is mounted here, which is compared every second';
    this.choose({ ...this.current, backend: 'poll', reason });
  }

  private choose(choice: Choice): void {
    this.current = choice;
    this.options.chosen(choice);
  }

  dispose(): void {
    this.session?.dispose();
  }

  arm(node: DirNode, path: AbsolutePath): Awaitable<Armed> {
    const { session } = this;
    if (session === undefined) {
      if (this.first.backend === 'poll') this.poller.add(node);
      return 'armed';
    }
    const kept = node.watch === NO_WATCH && !this.hasRoomFor(node, session);
    const armed = kept ? 'full' : session.arm(node, path, this.maskOf(node));
    return armed instanceof Promise ? armed.then((how) => this.noted(node, how)) : this.noted(node, armed);
  }

  private noted(node: DirNode, armed: Armed): Armed {
    if (armed === 'full' || this.isHybrid) this.poller.add(node);
    if (armed === 'full') this.ranOut();
    return armed;
  }

  /** Where only the want of a look made it polled, it is not polled any more. */
  seenAgain(node: DirNode): void {
    const { session } = this;
    if (session === undefined || this.isHybrid) return;
    if (session.watchesAll || node.watch !== NO_WATCH) this.poller.delete(node);
  }

  disarm(node: DirNode): void {
    if (node.watch !== NO_WATCH) this.session?.disarm(node);
    if (node.polled) this.poller.delete(node);
  }

  /** Gives watches that became free to directories that are polled for want of one: first where somebody looks. */
  async promote(): Promise<void> {
    const { session } = this;
    if (!this.hasRunOut || session === undefined) return;
    const { poller } = this;
    const { coverage, base } = this.host;
    const waiting = poller.unwatched();
    const rank = new Map(waiting.map((node) => [node, coverage.visible(node.path) ? 0 : 1]));
    waiting.sort((a, b) => (rank.get(a) ?? 1) - (rank.get(b) ?? 1));
    for (const node of waiting) {
      if (!node.isAttached) continue;
      if (!this.hasRoomFor(node, session)) return;
      const armed = await session.arm(node, absolute(base, node.path), this.maskOf(node));
      if (armed === 'full') return;
      if (armed !== 'armed') continue;
      // What happened before the watch was there is found by a last look.
      await poller.check(node);
      if (!this.isHybrid) poller.delete(node);
    }
    this.hasRunOut = false;
    this.choose(this.first);
  }

  /** The last watches stay for what somebody looks at. */
  private hasRoomFor(node: DirNode, { room, reserve }: BackendSession): boolean {
    return room > reserve || (room > 0 && this.host.coverage.visible(node.path));
  }

  private maskOf(node: DirNode): number {
    const { coverage } = this.host;
    const structure = In.CREATE | In.DELETE | In.MOVED_FROM | In.MOVED_TO;
    const asked = coverage.coversIn(node.path) ? coverage.mask : 0;
    return structure | (asked & (In.MODIFY | In.ATTRIB | In.CLOSE_WRITE));
  }

  /** The host has no watch left: from here on directories are polled, and that is said. */
  private ranOut(): void {
    if (this.hasRunOut) return;
    this.hasRunOut = true;
    this.choose({
      backend: 'inotify+poll',
      reason: `the host has no inotify watch left, so part of it is polled; ${this.options.backends.limitAdvice}`,
      foreignWrites: this.first.foreignWrites,
    });
  }
}
