import { In } from '../../../protocol/mask';
import type { Awaitable } from '../../host/hostFs';
import type { Armed, BackendSession, Choice } from './backend';
import { absolute, type BytePath } from '../bytePath';
import type { Coverage } from './coverage';
import type { Poller } from '../shadow/poller';
import { type DirNode, NO_WATCH } from '../shadow/tree';

/** What arming needs of the watch on a superblock. */
export interface ArmingHost {
  readonly base: BytePath;
  readonly coverage: Coverage;
  readonly poller: Poller;
  /** How the host's watches can be made more. */
  readonly limitAdvice: string;
  /** It is watched in another way than before. */
  rechosen(choice: Choice): void;
}

/** Which directories of a superblock have a watch of the host, and which are polled, all of them or for want of one. */
export class Arming {
  /** Watched and polled: others write there too. */
  private readonly isHybrid: boolean;
  private hasRunOut = false;

  constructor(
    private readonly host: ArmingHost,
    private readonly session: BackendSession | undefined,
    /** What was chosen when the superblock began to be watched. */
    private readonly choice: Choice,
  ) {
    this.isHybrid = choice.backend === 'inotify+poll';
  }

  arm(node: DirNode, path: BytePath): Awaitable<Armed> {
    const { session } = this;
    if (session === undefined) {
      if (this.choice.backend === 'poll') this.host.poller.add(node);
      return 'armed';
    }
    const kept = node.watch === NO_WATCH && !this.hasRoomFor(node, session);
    const armed = kept ? 'full' : session.arm(node, path, this.maskOf(node));
    return armed instanceof Promise ? armed.then((how) => this.noted(node, how)) : this.noted(node, armed);
  }

  private noted(node: DirNode, armed: Armed): Armed {
    if (armed === 'full' || this.isHybrid) this.host.poller.add(node);
    if (armed === 'full') this.ranOut();
    return armed;
  }

  /** Where only the want of a look made it polled, it is not polled any more. */
  seenAgain(node: DirNode): void {
    const { session } = this;
    if (session === undefined || this.isHybrid) return;
    if (session.watchesAll || node.watch !== NO_WATCH) this.host.poller.delete(node);
  }

  disarm(node: DirNode): void {
    if (node.watch !== NO_WATCH) this.session?.disarm(node);
    if (node.polled) this.host.poller.delete(node);
  }

  /** Gives watches that became free to directories that are polled for want of one: first where somebody looks. */
  async promote(): Promise<void> {
    const { session } = this;
    if (!this.hasRunOut || session === undefined) return;
    const { poller, coverage, base } = this.host;
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
    this.host.rechosen(this.choice);
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
    this.host.rechosen({
      backend: 'inotify+poll',
      reason: `the host has no inotify watch left, so part of it is polled; ${this.host.limitAdvice}`,
      foreignWrites: this.choice.foreignWrites,
    });
  }
}
