import * as vscode from 'vscode';
import { type Clock, systemClock } from '../base/clock';
import { type Disposable, DisposableStore } from '../base/dispose';
import { detailsOf } from '../client/describe';
import { Errno, errnoOf } from '../protocol/errno';
import type { HostSession } from './hosts/hostSession';
import type { Log } from './log';
import { isHostsVersion, isOurs, isWithin, placeOf, uriOf } from './uris';
import type { Heard, WatchHub } from './watchHub';

/**
 * A file that is saved by renaming the old one away, and a log that is rotated, are there again a moment later. Only a
 * name that is still free then has really moved.
 */
const SETTLED_MS = 1000;
/** Renames of one pause that are followed at most; a build that moves thousands of files has no editor on them. */
const FOLLOWED = 100;

/**
 * An open file that is renamed on the host keeps its tab, under the new name: the editor itself only knows that one file
 * went and another came, and strikes the tab through. A document with unsaved changes stays where it is.
 */
export class RenamedTabs implements vscode.Disposable {
  private readonly owned = new DisposableStore();
  private readonly waiting = new Set<Disposable>();

  constructor(
    watches: WatchHub,
    private readonly log: Log,
    private readonly clock: Clock = systemClock,
  ) {
    this.owned.add(watches.onDidHear((heard) => this.hear(heard)));
  }

  dispose(): void {
    this.owned.dispose();
    for (const wait of this.waiting) wait.dispose();
    this.waiting.clear();
  }

  private hear({ session, changes }: Heard): void {
    for (const { kind, path, to } of changes) {
      if (kind !== 'rename' || to === undefined || this.waiting.size >= FOLLOWED) continue;
      if (tabsBelow(session.host, path).length === 0) continue;
      const wait = this.clock.after(SETTLED_MS, () => {
        this.waiting.delete(wait);
        void this.follow(session, path, to);
      });
      this.waiting.add(wait);
    }
  }

  /** Never rejects. */
  private async follow(session: HostSession, from: string, to: string): Promise<void> {
    try {
      const vfs = session.current;
      if (vfs === undefined || !(await isGone(() => vfs.stat(from)))) return;
      for (const tab of tabsBelow(session.host, from)) {
        const { uri } = tab.input;
        const path = `${to}${placeOf(uri).path.slice(from.length)}`;
        if ((await vfs.stat(path)).kind !== 'file') continue;
        await retarget(tab, uriOf({ host: session.host, path }));
        this.log.debug(`${session.host}:${placeOf(uri).path} is ${path} now, and so is its tab`);
      }
    } catch (error) {
      // It moved on, or the host is away: the tab stays as it is.
      this.log.debug(`${session.host}:${from} was renamed to ${to}: ${detailsOf(error)}`);
    }
  }
}

type TextTab = vscode.Tab & { readonly input: vscode.TabInputText };

/** Tabs of documents at a path or below it that have nothing unsaved. */
function tabsBelow(host: string, path: string): TextTab[] {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  return tabs.filter((tab): tab is TextTab => {
    if (tab.isDirty || !(tab.input instanceof vscode.TabInputText)) return false;
    const { uri } = tab.input;
    if (!isOurs(uri) || isHostsVersion(uri)) return false;
    const place = placeOf(uri);
    return place.host === host && isWithin(place.path, path);
  });
}

/** Opens the new name where the old one is, at the same place in it, and closes the old one. */
async function retarget(tab: TextTab, uri: vscode.Uri): Promise<void> {
  const { viewColumn, isActive: isGroupActive } = tab.group;
  const shown = vscode.window.visibleTextEditors.find(
    (editor) =>
      editor.viewColumn === viewColumn && editor.document.uri.toString() === tab.input.uri.toString(),
  );
  const top = shown?.visibleRanges[0];
  const front = tab.isActive ? undefined : tab.group.activeTab;
  const editor = await vscode.window.showTextDocument(uri, {
    viewColumn,
    preview: tab.isPreview,
    preserveFocus: !isGroupActive || !tab.isActive,
    ...(shown !== undefined && { selection: shown.selection }),
  });
  if (top !== undefined) editor.revealRange(top, vscode.TextEditorRevealType.AtTop);
  await vscode.window.tabGroups.close(tab, true);
  // A tab behind another one stays behind it.
  if (front?.input instanceof vscode.TabInputText) {
    await vscode.window.showTextDocument(front.input.uri, {
      viewColumn,
      preserveFocus: true,
      preview: front.isPreview,
    });
  }
}

async function isGone(look: () => Promise<unknown>): Promise<boolean> {
  try {
    await look();
    return false;
  } catch (error) {
    return errnoOf(error) === Errno.ENOENT;
  }
}
