// A real VS Code in a real browser: code-server's workbench in Chromium, one window per Editor.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import {
  chromiumOptions,
  type CodeServer,
  developmentPayload,
  findChromium,
  startCodeServer,
} from '../../scripts/vscode.mjs';

export const projectFolder = path.resolve(__dirname, '../..');
/** Screenshots and logs of failed runs; git-ignored, kept by CI. */
export const artifactsFolder = path.join(projectFolder, 'artifacts/vscode');

/** Long enough for a slow machine to connect and draw. */
const SHOWN_WITHIN_MS = 60_000;

/** Resolves when it can be seen. */
export function shows(what: Locator): Promise<void> {
  return what.waitFor({ state: 'visible', timeout: SHOWN_WITHIN_MS });
}

export interface EditorOptions {
  /** Folders of the workspace, as URIs. */
  readonly folders: readonly string[];
  /** As a workspace file (the default), or the one folder by itself, as "Open Folder…" does. */
  readonly open?: 'workspace' | 'folder';
  /** A folder with an extension to load as if developed there. */
  readonly extension?: string;
  /** A bundled test entry (`run()`), run in the extension host. */
  readonly tests?: string;
  /** VSIX files to install before the window opens. */
  readonly vsix?: readonly string[];
  /** The user's settings on the machine that the extension runs on. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** What the extension host sees in its environment besides ours. */
  readonly env?: Record<string, string>;
  /** Called for each line that server or page print; silent by default. */
  readonly log?: (line: string) => void;
}

/** Opens a window and waits until the workbench is there. Dispose it with `await using`. */
export async function openEditor(options: EditorOptions): Promise<Editor> {
  const executable = await findChromium();
  if (executable === undefined) {
    throw new Error(
      'These tests drive VS Code in Chromium: install the package `chromium`, or set CHROMIUM.',
    );
  }
  const log = options.log ?? (() => undefined);
  const folder = await mkdtemp(path.join(tmpdir(), 'livemount-editor-'));
  const release: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    const workspace = path.join(folder, 'test.code-workspace');
    const folders = options.folders.map((uri) => ({ uri }));
    await writeFile(workspace, JSON.stringify({ folders }));
    const server = await startCodeServer({
      log,
      settings: options.settings ?? {},
      ...(options.env && { env: options.env }),
      ...(options.vsix && { extensions: options.vsix }),
    });
    release.unshift(() => server.stop());
    const browser = await chromium.launch(chromiumOptions(executable));
    release.unshift(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on('console', (message) => log(`page: ${message.text()}`));
    const payload = developmentPayload(server.port, {
      ...(options.extension && { extension: options.extension }),
      ...(options.tests && { tests: options.tests }),
    });
    const [folderUri] = options.folders;
    const opened: Record<string, string> =
      options.open === 'folder' && folderUri !== undefined ? { folder: folderUri } : { workspace };
    await page.goto(server.url({ ...opened, payload }));
    await page.locator('.monaco-workbench').waitFor({ timeout: 60_000 });
    return new Editor(server, browser, page, release);
  } catch (error) {
    for (const step of release) await step();
    throw error;
  }
}

/** One window, addressed the way a user sees it: rows, tabs, text, menus. */
export class Editor implements AsyncDisposable {
  constructor(
    readonly server: CodeServer,
    readonly browser: Browser,
    readonly page: Page,
    private readonly release: readonly (() => Promise<unknown>)[],
  ) {}

  /** A row of the explorer by its file name. */
  row(name: string): Locator {
    return this.page.locator(`.explorer-folders-view .monaco-list-row[aria-label^="${name}"]`).first();
  }

  /** A path of the explorer whose tooltip, made of path and decorations, says this. */
  label(file: string, says: string): Locator {
    return this.page
      .locator(`.explorer-folders-view [aria-label^="${file} "][aria-label*="${says}"]`)
      .first();
  }

  /** The text lines of the active editor. */
  get text(): Locator {
    return this.page.locator('.editor-instance .view-lines').first();
  }

  /** Our icon in the activity bar; its being there means that the window knows what the extension contributes. */
  get activityIcon(): Locator {
    return this.page.locator('.activitybar .action-item a[aria-label^="Livemount"]');
  }

  /**
   * What the extension tells. Under test the editor shows no toasts; the bell opens its list, and closes it when it was
   * open, so it is rung until the message is there.
   */
  async told(text: string | RegExp): Promise<Locator> {
    const item = this.page.locator('.notification-list-item', { hasText: text }).first();
    const bell = this.page.locator('.statusbar-item[id="status.notifications"] a');
    for (let rung = 0; rung < 15 && !(await item.isVisible()); rung++) {
      await bell.click();
      await item.waitFor({ state: 'visible', timeout: 2000 }).catch(() => undefined);
    }
    await shows(item);
    return item;
  }

  /** Runs a command by its title, through the command palette. */
  async command(title: string): Promise<void> {
    await this.activityIcon.waitFor();
    await this.page.keyboard.press('F1');
    const input = this.page.locator('.quick-input-widget input');
    await input.waitFor();
    await input.fill(`>${title}`);
    await this.page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first().waitFor();
    await this.page.keyboard.press('Enter');
  }

  /** Changes settings of the window while it is open. */
  async set(settings: Readonly<Record<string, unknown>>): Promise<void> {
    const file = path.join(this.server.dataFolder, 'data/Machine/settings.json');
    const now = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...now, ...settings }));
  }

  async screenshot(name: string): Promise<string> {
    await mkdir(artifactsFolder, { recursive: true });
    const file = path.join(artifactsFolder, `${name}.png`);
    await this.page.screenshot({ path: file });
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const step of this.release) await step();
  }
}
