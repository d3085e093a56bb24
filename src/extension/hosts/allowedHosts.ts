import type * as vscode from 'vscode';
import { encodeHost } from '../authority';
import { t } from '../l10n';
import { ask } from '../show';

const KEY = 'allowedHosts';
/** More hosts than anybody opens; the oldest are asked about again. */
const REMEMBERED = 500;

/**
 * Which hosts may be connected without a question. A window can be opened by somebody else's link, workspace file or
 * folder, and connecting runs what the SSH configuration says for the name in it, and logs in. So a host is connected
 * by itself only if its user named it: in the SSH configuration, in "Open Folder…", or by saying yes once.
 */
export class AllowedHosts {
  /** The questions that are open, so that thirty calls ask once. */
  private readonly asking = new Map<string, Promise<boolean>>();

  constructor(
    private readonly memory: vscode.Memento,
    private readonly configured: () => readonly string[],
  ) {}

  /** The user named the host himself. */
  async allow(host: string): Promise<void> {
    const key = encodeHost(host);
    const known = this.known().filter((other) => other !== key);
    await this.memory.update(KEY, [...known, key].slice(-REMEMBERED));
  }

  /** Forgets that it was allowed; it is asked about again. */
  async forget(host: string): Promise<void> {
    const key = encodeHost(host);
    await this.memory.update(
      KEY,
      this.known().filter((other) => other !== key),
    );
  }

  isAllowed(host: string): boolean {
    return this.known().includes(encodeHost(host)) || this.configured().includes(host);
  }

  /** Whether it may be connected now; asks if nobody named it yet. */
  permit(host: string): Promise<boolean> {
    const key = encodeHost(host);
    if (this.isAllowed(host)) return Promise.resolve(true);
    const asked = this.asking.get(key) ?? this.question(host).finally(() => this.asking.delete(key));
    this.asking.set(key, asked);
    return asked;
  }

  private async question(host: string): Promise<boolean> {
    const connect = t('Connect');
    const detail = t(
      'A link, a folder or a workspace file of this window names the host, which is not in your SSH configuration and was not opened here before. Connect only if you know where that came from.',
    );
    // Where no question can be shown, nobody said yes.
    const answer = await Promise.resolve(ask(t('Connect to {0} over SSH?', host), detail, connect)).catch(
      () => undefined,
    );
    if (answer !== connect) return false;
    await this.allow(host);
    return true;
  }

  private known(): readonly string[] {
    const stored: unknown = this.memory.get(KEY);
    return Array.isArray(stored) ? stored.filter((key): key is string => typeof key === 'string') : [];
  }
}
