import * as vscode from 'vscode';
import { withoutCode } from '../client/describe';
import type { SuperblockView } from '../client/vfs';
import { COMMANDS } from './commandTable';
import type { Hosts } from './hosts/hosts';
import type { HostSession } from './hosts/hostSession';
import { t } from './l10n';
import { showWarning } from './show';
import { isHidden } from './views/words';

/**
 * Tells, once each, what a user should know without looking for it: that a host is worked on in a lesser way, that
 * watches ran out, that a filesystem fails or does not answer.
 */
export class Notices implements vscode.Disposable {
  private readonly told = new Set<string>();
  /** Mounts that were watched whole. */
  private readonly whole = new Set<string>();
  private readonly subscription: vscode.Disposable;

  constructor(hosts: Hosts) {
    this.subscription = hosts.onDidChange((session) => this.look(session));
  }

  dispose(): void {
    this.subscription.dispose();
  }

  private look(session: HostSession): void {
    const { host, rung, current } = session;
    const reason = withoutCode(session.reason ?? '');
    if (current === undefined) return;
    if (rung === 'sftp') {
      this.once(
        `${host} sftp`,
        t('{0} is worked on over SFTP, and changes are found by polling: {1}.', host, reason),
      );
    }
    for (const view of current.superblocks()) {
      if (!isHidden(view)) this.lookAt(host, view);
    }
  }

  private lookAt(host: string, view: SuperblockView): void {
    const place = `${host}:${view.mountpoint}`;
    // Some filesystems are watched both ways from the start; one that falls back to it has run out of watches.
    if (view.mount.backend === 'inotify') this.whole.add(place);
    else if (view.mount.backend === 'inotify+poll' && this.whole.has(place)) {
      this.once(`${place} limit`, t('Not all of {0} can be watched: {1}.', place, view.mount.reason));
    }
    if (view.errors > 0) {
      this.once(
        `${place} errors`,
        t('The filesystem at {0} reports errors; the host’s kernel log says more.', place),
      );
    }
    if (view.notResponding) {
      this.once(`${place} silent`, t('{0} does not respond. Everything else goes on working.', place));
    }
  }

  private once(subject: string, message: string): void {
    if (this.told.has(subject)) return;
    this.told.add(subject);
    void this.warn(message.replace(/\.+$/, '.'));
  }

  private async warn(message: string): Promise<void> {
    const showLog = COMMANDS['livemount.showLog'].title;
    if ((await showWarning(message, showLog)) === showLog) {
      await vscode.commands.executeCommand('livemount.showLog');
    }
  }
}
