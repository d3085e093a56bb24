import * as vscode from 'vscode';
import { textOf } from '../client/tree/names';
import type { Vfs } from '../client/vfs';
import { errnoName, errnoOf } from '../protocol/errno';
import { RecoverKind } from '../protocol/livemount';
import type { UnfinishedSave } from '../protocol/recover';
import { errorSentence } from './errors';
import type { Hosts, HostSession } from './hosts';
import type { Log } from './log';
import { uriOf } from './uris';

/**
 * After each connection asks for the saves that an agent did not live to finish (killed in the middle of writing a file
 * in place), and lets the user decide about each. What nobody decides is asked again next time.
 */
export class UnfinishedSaveOffers implements vscode.Disposable {
  private readonly subscriptions: vscode.Disposable[] = [];
  /** What is being asked at this moment, by the path of what is kept. */
  private readonly open = new Set<string>();

  constructor(
    hosts: Hosts,
    private readonly log: Log,
  ) {
    const follow = (session: HostSession) => {
      this.subscriptions.push(session.onDidOpen(({ vfs }) => this.follow(session.host, vfs)));
    };
    for (const session of hosts.all()) follow(session);
    this.subscriptions.push(hosts.onDidAdd(follow));
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private follow(host: string, vfs: Vfs): void {
    void this.offer(host, vfs);
    // The agent may have died while the link was down.
    this.subscriptions.push(
      vfs.onStateChange((state) => {
        if (state === 'connected') void this.offer(host, vfs);
      }),
    );
  }

  /** Asks about what is not being asked about. Never rejects. */
  async offer(host: string, vfs: Vfs): Promise<void> {
    try {
      for (const save of await vfs.unfinishedSaves()) {
        const key = `${host} ${save.kept.toString('latin1')}`;
        if (this.open.has(key)) continue;
        this.open.add(key);
        void this.ask(host, vfs, save).finally(() => this.open.delete(key));
      }
    } catch (error) {
      this.log.debug(`host ${host}: unfinished saves are not known: ${errnoName(errnoOf(error))}`);
    }
  }

  private async ask(host: string, vfs: Vfs, save: UnfinishedSave): Promise<void> {
    const path = textOf(save.path);
    const restore = 'Restore';
    const compare = 'Compare';
    // What is kept goes with this answer, so its name must say that.
    const discard = 'Discard Kept Content';
    for (;;) {
      const answer = await vscode.window.showWarningMessage(explained(save, path), restore, compare, discard);
      if (answer === undefined) return;
      try {
        if (answer === compare) {
          const kept = uriOf({ host, path: textOf(save.kept) });
          await vscode.commands.executeCommand(
            'vscode.diff',
            kept,
            uriOf({ host, path }),
            `${path}: kept ↔ now`,
          );
          continue;
        }
        await vfs.settleSave(save.id, answer === restore ? 'restore' : 'discard');
        this.log.info(`host ${host}: the unfinished save of ${path}: ${answer}`);
      } catch (error) {
        void vscode.window.showErrorMessage(errorSentence(error, uriOf({ host, path })));
      }
      return;
    }
  }
}

function explained({ kind }: UnfinishedSave, path: string): string {
  return kind === RecoverKind.DISPLACED
    ? `While ${path} was saved, another program saved it too, and the agent was ended in between. The other program’s content is kept.`
    : `The agent was ended while it wrote ${path}, which may hold only a part of the new content. What it held before is kept.`;
}
