import type * as vscode from 'vscode';
import { DisposableStore } from '../base/dispose';
import { detailsOf } from '../client/describe';
import { textOf } from '../protocol/names';
import type { Vfs } from '../client/vfs';
import { RecoverKind } from '../protocol/livemount';
import type { UnfinishedSave } from '../protocol/recover';
import { sentenceAbout } from './errors';
import type { Hosts } from './hosts/hosts';
import type { HostSession } from './hosts/hostSession';
import { t } from './l10n';
import type { Log } from './log';
import { pick, showDiff, showError, showWarning } from './show';
import { uriOf } from './uris';

/** So many are asked about by themselves; a host can list thousands, and the others are picked from a list. */
const ASKED_AT_ONCE = 3;

/**
 * After each connection asks for the saves that an agent did not live to finish (killed in the middle of writing a file
 * in place), and lets the user decide about each. What nobody decides is asked again next time.
 */
export class UnfinishedSaveOffers implements vscode.Disposable {
  private readonly owned = new DisposableStore();
  /** By host: what follows its present Vfs. */
  private readonly followed = new Map<HostSession, vscode.Disposable>();
  /** What is being asked at this moment, by host and the path of what is kept. */
  private readonly open = new Set<string>();
  /** Hosts whose "N more" is shown. */
  private readonly counted = new Set<string>();

  constructor(
    hosts: Hosts,
    private readonly log: Log,
  ) {
    const follow = (session: HostSession) => {
      this.owned.add(session.onDidOpen(({ vfs }) => this.follow(session, vfs)));
    };
    for (const session of hosts.all()) follow(session);
    this.owned.add(hosts.onDidAdd(follow));
  }

  dispose(): void {
    this.owned.dispose();
    for (const subscription of this.followed.values()) subscription.dispose();
    this.followed.clear();
  }

  private follow(session: HostSession, vfs: Vfs): void {
    const { host } = session;
    void this.offer(host, vfs);
    // The Vfs before it has ended. This one's agent may have died while the link was down.
    this.followed.get(session)?.dispose();
    const subscription = vfs.onStateChange((state) => {
      if (state === 'connected') void this.offer(host, vfs);
    });
    this.followed.set(session, subscription);
  }

  /** Asks about what is not being asked about. Never rejects. */
  async offer(host: string, vfs: Vfs): Promise<void> {
    try {
      const saves = await vfs.unfinishedSaves();
      for (const save of saves) {
        if (this.asked(host) >= ASKED_AT_ONCE) break;
        if (!this.open.has(keyOf(host, save))) void this.ask(host, vfs, save);
      }
      const more = saves.filter((save) => !this.open.has(keyOf(host, save)));
      if (more.length > 0 && !this.counted.has(host)) void this.offerMore(host, vfs, more.length);
    } catch (error) {
      this.log.debug(`host ${host}: unfinished saves are not known: ${detailsOf(error)}`);
    }
  }

  /** One message for all that are not asked about by themselves. Never rejects. */
  private async offerMore(host: string, vfs: Vfs, count: number): Promise<void> {
    this.counted.add(host);
    try {
      const show = t('Show Them');
      const message =
        count === 1
          ? t('One more save on {0} was not finished.', host)
          : t('{0} more saves on {1} were not finished.', String(count), host);
      if ((await showWarning(message, show)) !== show) return;
      const saves = (await vfs.unfinishedSaves()).filter((save) => !this.open.has(keyOf(host, save)));
      const items = saves.map((save) => ({ label: textOf(save.path), save }));
      const picked = await pick(items, t('Unfinished Saves on {0}', host));
      if (picked !== undefined) await this.ask(host, vfs, picked.save);
    } catch (error) {
      this.log.debug(`host ${host}: unfinished saves are not known: ${detailsOf(error)}`);
    } finally {
      this.counted.delete(host);
    }
  }

  private asked(host: string): number {
    return [...this.open].filter((key) => key.startsWith(`${host} `)).length;
  }

  private async ask(host: string, vfs: Vfs, save: UnfinishedSave): Promise<void> {
    const key = keyOf(host, save);
    const path = textOf(save.path);
    this.open.add(key);
    try {
      await this.decide(host, vfs, save, path);
    } catch (error) {
      void showError(sentenceAbout(error, 'save', uriOf({ host, path })));
    } finally {
      this.open.delete(key);
    }
  }

  private async decide(host: string, vfs: Vfs, save: UnfinishedSave, path: string): Promise<void> {
    const restore = t('Restore');
    const compare = t('Compare');
    // What is kept goes with this answer, so its name must say that.
    const discard = t('Discard Kept Content');
    for (;;) {
      const answer = await showWarning(explained(save, path), restore, compare, discard);
      if (answer === undefined) return;
      if (answer === compare) {
        const kept = uriOf({ host, path: textOf(save.kept) });
        await showDiff(kept, uriOf({ host, path }), t('{0}: kept ↔ now', path));
        continue;
      }
      await vfs.settleSave(save.id, answer === restore ? 'restore' : 'discard');
      this.log.info(`host ${host}: the unfinished save of ${path}: ${answer}`);
      return;
    }
  }
}

function keyOf(host: string, save: UnfinishedSave): string {
  return `${host} ${save.kept.toString('latin1')}`;
}

function explained({ kind }: UnfinishedSave, path: string): string {
  return kind === RecoverKind.DISPLACED
    ? t(
        'While {0} was saved, another program saved it too, and the save was interrupted in between. The other program’s content is kept.',
        path,
      )
    : t(
        'The save of {0} was interrupted on the host, and the file may hold only a part of the new content. What it held before is kept.',
        path,
      );
}
