// Stands in for the `vscode` module, so that what the extension says can be looked at without a window: everything that
// would be shown is kept with the door through which it left. Import it before anything of src/extension.
import Module from 'node:module';
import type * as vscode from 'vscode';

export interface Shown {
  /** The function of the editor, or the property, that would show it. */
  readonly door: string;
  readonly text: string;
}

/** What left, in order. */
export const shown: Shown[] = [];
/** Answers for the next messages, questions and pickers; none: they are closed. */
export const answers: (string | undefined)[] = [];
/** Commands that were run. */
export const commandsRun: { readonly id: string; readonly args: readonly unknown[] }[] = [];
/** Pickers and input boxes that were made, in order. */
export const boxes: Box[] = [];
export interface Box {
  value: string;
  items: readonly vscode.QuickPickItem[];
  selectedItems: readonly vscode.QuickPickItem[];
  fire(event: string, value: unknown): void;
}
/** Settings that differ from their defaults. */
export const settings = new Map<string, unknown>();

export function clear(): void {
  shown.length = 0;
  answers.length = 0;
  commandsRun.length = 0;
  boxes.length = 0;
  settings.clear();
}

function leave(door: string, ...texts: readonly unknown[]): void {
  for (const text of texts) if (typeof text === 'string' && text !== '') shown.push({ door, text });
}

class EventEmitter<T> {
  private readonly listeners = new Set<(value: T) => unknown>();
  readonly event = (listener: (value: T) => unknown): Disposable => {
    this.listeners.add(listener);
    return new Disposable(() => this.listeners.delete(listener));
  };
  get count(): number {
    return this.listeners.size;
  }
  fire(value: T): void {
    for (const listener of [...this.listeners]) listener(value);
  }
  dispose(): void {
    this.listeners.clear();
  }
}

class Disposable {
  constructor(private readonly release: () => unknown) {}
  static from(...parts: readonly { dispose(): unknown }[]): Disposable {
    return new Disposable(() => parts.map((part) => part.dispose()));
  }
  dispose(): void {
    this.release();
  }
}

interface UriParts {
  readonly scheme: string;
  readonly authority?: string;
  readonly path?: string;
  readonly query?: string;
  readonly fragment?: string;
}

class Uri {
  private constructor(
    readonly scheme: string,
    readonly authority: string,
    readonly path: string,
    readonly query: string,
    readonly fragment: string,
  ) {}
  static from({ scheme, authority = '', path = '', query = '', fragment = '' }: UriParts): Uri {
    return new Uri(scheme, authority, path, query, fragment);
  }
  static file(path: string): Uri {
    return Uri.from({ scheme: 'file', path });
  }
  static parse(text: string, _strict?: boolean): Uri {
    const [, scheme = '', , authority = '', path = '', query = '', fragment = ''] =
      /^([a-z-]+):(\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/i.exec(text) ?? [];
    const read = decodeURIComponent;
    return new Uri(scheme, read(authority), read(path), read(query), read(fragment));
  }
  static joinPath(base: Uri, ...parts: readonly string[]): Uri {
    return base.with({ path: [base.path.replace(/\/$/, ''), ...parts].join('/') });
  }
  with(parts: Partial<UriParts>): Uri {
    return Uri.from({ ...this, ...parts });
  }
  get fsPath(): string {
    return this.path;
  }
  toString(): string {
    const query = this.query === '' ? '' : `?${encodeURIComponent(this.query)}`;
    return `${this.scheme}://${encodeURIComponent(this.authority)}${encodeURI(this.path).replace(/[?#]/g, encodeURIComponent)}${query}`;
  }
}

class ThemeIcon {
  constructor(
    readonly id: string,
    readonly color?: unknown,
  ) {}
}
class ThemeColor {
  constructor(readonly id: string) {}
}
class MarkdownString {
  isTrusted: unknown;
  supportThemeIcons = false;
  constructor(
    public value = '',
    supportThemeIcons = false,
  ) {
    this.supportThemeIcons = supportThemeIcons;
  }
  appendMarkdown(text: string): this {
    this.value += text;
    return this;
  }
}
class TreeItem {
  constructor(
    public label: string,
    public collapsibleState: number,
  ) {}
}
class FileDecoration {
  constructor(
    readonly badge?: string,
    readonly tooltip?: string,
  ) {}
}
class RelativePattern {
  constructor(
    readonly base: unknown,
    readonly pattern: string,
  ) {}
}
class Position {
  constructor(
    readonly line: number,
    readonly character: number,
  ) {}
}
class Range {
  readonly start: Position;
  readonly end: Position;
  constructor(line: number, character: number, endLine: number, endCharacter: number) {
    this.start = new Position(line, character);
    this.end = new Position(endLine, endCharacter);
  }
}

/** Watchers that were made; a test fires them. */
export const watchers: { readonly pattern: RelativePattern; readonly created: EventEmitter<Uri> }[] = [];
/** Commands that were registered, by name. */
export const registered = new Map<string, (...args: unknown[]) => unknown>();
/** File systems that were registered, by scheme. */
export const providers = new Map<string, vscode.FileSystemProvider>();
/** Parts of the source control view that are there, by label. */
export const controls = new Map<string, vscode.SourceControl>();

function sourceControl(_id: string, label: string, rootUri: Uri): vscode.SourceControl {
  leave('scm.label', label);
  const look =
    (door: string) => (target: Record<string | symbol, unknown>, name: string | symbol, value: unknown) => {
      target[name] = value;
      const texts: unknown[] = [value];
      for (const one of Array.isArray(value) ? (value as unknown[]) : []) {
        const { title, tooltip, decorations } = one as Partial<
          vscode.Command & vscode.SourceControlResourceState
        >;
        texts.push(title, tooltip, decorations?.tooltip);
      }
      // The text in the box is the user's own.
      if (name !== 'value') leave(`scm.${door}.${String(name)}`, ...texts);
      return true;
    };
  const made = new Proxy({} as Record<string | symbol, unknown>, { set: look('control') });
  Object.assign(made, {
    label,
    rootUri,
    inputBox: new Proxy({ value: '', placeholder: '' }, { set: look('box') as never }),
    createResourceGroup: (id: string, title: string) =>
      new Proxy({ id, label: title, resourceStates: [], dispose() {} }, { set: look('group') as never }),
    dispose: () => controls.delete(label),
  });
  const control = made as unknown as vscode.SourceControl;
  controls.set(label, control);
  return control;
}

class FileSystemError extends Error {
  constructor(
    message: string,
    readonly code = 'Unknown',
  ) {
    super(message);
    leave('FileSystemError', message);
  }
  static readonly FileNotFound = (message: string) => new FileSystemError(message, 'FileNotFound');
  static readonly FileExists = (message: string) => new FileSystemError(message, 'FileExists');
  static readonly FileNotADirectory = (message: string) => new FileSystemError(message, 'FileNotADirectory');
  static readonly FileIsADirectory = (message: string) => new FileSystemError(message, 'FileIsADirectory');
  static readonly NoPermissions = (message: string) => new FileSystemError(message, 'NoPermissions');
  static readonly Unavailable = (message: string) => new FileSystemError(message, 'Unavailable');
}

type Item = vscode.QuickPickItem;

/** A box whose properties leave as they are set. */
function box(door: string, looks: readonly string[]): Box {
  const events = new Map<string, EventEmitter<unknown>>();
  const kept: Record<string | symbol, unknown> = { selectedItems: [], activeItems: [], items: [], value: '' };
  const made = new Proxy(kept, {
    get(target, name) {
      if (typeof name === 'string' && name.startsWith('on')) {
        const emitter = events.get(name) ?? new EventEmitter<unknown>();
        events.set(name, emitter);
        return emitter.event;
      }
      if (name === 'fire') return (event: string, value: unknown) => events.get(event)?.fire(value);
      if (['show', 'hide', 'dispose'].includes(String(name))) return () => undefined;
      return target[name];
    },
    set(target, name, value) {
      target[name] = value;
      if (looks.includes(String(name))) leave(`${door}.${String(name)}`, value);
      if (name === 'items') {
        for (const item of value as readonly Item[]) {
          leave(`${door}.items`, item.label, item.description, item.detail);
        }
      }
      return true;
    },
  });
  boxes.push(made as unknown as Box);
  return made as unknown as Box;
}

function message(door: string) {
  return async (text: string, ...rest: readonly unknown[]): Promise<string | undefined> => {
    leave(door, text);
    const [options] = rest;
    if (typeof options === 'object' && options !== null) {
      leave(`${door}.detail`, (options as vscode.MessageOptions).detail);
    }
    leave(`${door}.button`, ...rest);
    const answer = answers.shift();
    return rest.includes(answer) ? answer : undefined;
  };
}

const logs = () => {
  const log = (text: string) => leave('log', text);
  return { trace: log, debug: log, info: log, warn: log, error: log, show() {}, dispose() {} };
};
const nothing = () => new Disposable(() => undefined);

const api = {
  EventEmitter,
  Disposable,
  Uri,
  ThemeIcon,
  ThemeColor,
  MarkdownString,
  TreeItem,
  FileDecoration,
  RelativePattern,
  Position,
  Range,
  FileSystemError,
  TreeItemCollapsibleState: { None: 0, Collapsed: 1, Expanded: 2 },
  FileType: { Unknown: 0, File: 1, Directory: 2, SymbolicLink: 64 },
  FilePermission: { Readonly: 1 },
  FileChangeType: { Changed: 1, Created: 2, Deleted: 3 },
  TextDocumentSaveReason: { Manual: 1, AfterDelay: 2, FocusOut: 3 },
  StatusBarAlignment: { Left: 1, Right: 2 },
  ProgressLocation: { Notification: 15 },
  QuickPickItemKind: { Separator: -1, Default: 0 },
  l10n: {
    t: (template: string, ...args: readonly unknown[]) =>
      template.replace(/\{(\d+)\}/g, (whole, index) => String(args[Number(index)] ?? whole)),
  },
  window: {
    showErrorMessage: message('showErrorMessage'),
    showWarningMessage: message('showWarningMessage'),
    showInformationMessage: message('showInformationMessage'),
    setStatusBarMessage: (text: string) => leave('setStatusBarMessage', text),
    showInputBox: async (options: vscode.InputBoxOptions) => {
      leave('showInputBox.title', options.title);
      leave('showInputBox.prompt', options.prompt);
      return answers.shift();
    },
    showQuickPick: async (items: readonly Item[], options: vscode.QuickPickOptions) => {
      leave('showQuickPick.title', options.title);
      for (const item of items) leave('showQuickPick.items', item.label, item.description, item.detail);
      const answer = answers.shift();
      return items.find(({ label }) => label === answer);
    },
    createInputBox: () => box('createInputBox', ['title', 'prompt', 'placeholder', 'validationMessage']),
    createQuickPick: () => box('createQuickPick', ['title', 'placeholder']),
    withProgress: async (
      options: vscode.ProgressOptions,
      work: (report: { report(value: { message?: string }): void }, token: object) => Promise<unknown>,
    ) => {
      leave('withProgress.title', options.title);
      return work(
        { report: (value) => leave('withProgress.message', value.message) },
        { onCancellationRequested: nothing },
      );
    },
    createOutputChannel: logs,
    createTreeView: () => ({ visible: true, onDidChangeVisibility: nothing, dispose() {} }),
    createStatusBarItem: () => {
      const kept: Record<string | symbol, unknown> = { show() {}, hide() {}, dispose() {} };
      return new Proxy(kept, {
        set(target, name, value) {
          target[name] = value;
          if (name === 'text') leave('statusBar.text', value);
          if (name === 'tooltip') leave('statusBar.tooltip', (value as MarkdownString | undefined)?.value);
          return true;
        },
      });
    },
    registerFileDecorationProvider: nothing,
    registerUriHandler: nothing,
    onDidChangeActiveTextEditor: nothing,
    onDidChangeVisibleTextEditors: nothing,
    onDidChangeWindowState: nothing,
    onDidOpenTerminal: nothing,
    onDidChangeTextEditorSelection: nothing,
    createTextEditorDecorationType: () => ({ dispose() {} }),
    visibleTextEditors: [] as unknown[],
    activeTextEditor: undefined,
    showTextDocument: async () => undefined,
  },
  workspace: {
    workspaceFolders: [] as { readonly uri: Uri; readonly name: string }[],
    textDocuments: [],
    getConfiguration: () => ({
      get: (name: string, fallback?: unknown) => settings.get(name) ?? fallback,
    }),
    onDidChangeConfiguration: nothing,
    onDidCloseTextDocument: nothing,
    onWillSaveTextDocument: nothing,
    onDidSaveTextDocument: nothing,
    onDidChangeWorkspaceFolders: nothing,
    onDidChangeTextDocument: nothing,
    onDidGrantWorkspaceTrust: nothing,
    isTrusted: true,
    createFileSystemWatcher: (pattern: RelativePattern) => {
      const created = new EventEmitter<Uri>();
      watchers.push({ pattern, created });
      return { onDidCreate: created.event, dispose: () => created.dispose() };
    },
    registerFileSystemProvider: (scheme: string, provider: vscode.FileSystemProvider) => {
      providers.set(scheme, provider);
      return new Disposable(() => providers.delete(scheme));
    },
    registerTextDocumentContentProvider: nothing,
    openTextDocument: async (uri: unknown) => ({ uri, isDirty: false, save: async () => true }),
  },
  commands: {
    executeCommand: async (id: string, ...args: readonly unknown[]) => {
      commandsRun.push({ id, args });
      if (id === 'vscode.diff') leave('vscode.diff', args[2]);
    },
    registerCommand: (id: string, handler: (...args: unknown[]) => unknown) => {
      registered.set(id, handler);
      return new Disposable(() => registered.delete(id));
    },
  },
  scm: { createSourceControl: sourceControl },
  env: { clipboard: { writeText: async () => undefined }, language: 'en' },
  languages: { registerCodeLensProvider: nothing, setTextDocumentLanguage: async () => undefined },
};

export const fake = api;

/** A memory as the editor gives to an extension. */
export function memento(): vscode.Memento {
  const stored = new Map<string, unknown>();
  const get = (key: string, fallback?: unknown) => stored.get(key) ?? fallback;
  return {
    keys: () => [...stored.keys()],
    get: get as vscode.Memento['get'],
    update: async (key, value) => void stored.set(key, value),
  };
}

const loader = Module as unknown as { _load(request: string, ...rest: unknown[]): unknown };
const load = loader._load.bind(Module);
loader._load = (request, ...rest) => (request === 'vscode' ? api : load(request, ...rest));
