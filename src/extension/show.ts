import * as vscode from 'vscode';
import { fitTerminalLine, fitToShow, fitToShowLines } from '../base/fitToShow';
import type { Log } from './log';

/**
 * The doors through which words leave for the window's messages, questions, pickers, progress and log. Whatever is in
 * them of a host, a file name or another program is made fit to show here, so that no caller has to think of it: the
 * editor would render `[text](command:…)` in a message as a link that runs a command. Nothing else in this folder
 * calls the editor's functions behind these; a test looks. The doors of the views are in views/.
 */

export function showError(message: string, ...buttons: string[]): Thenable<string | undefined> {
  return vscode.window.showErrorMessage(fitToShow(message), ...buttons);
}

/** Something to know, for work that goes on or ends whether or not anybody closes the notice. */
export function notify(message: string): undefined {
  void vscode.window.showInformationMessage(fitToShow(message));
}

export function showWarning(message: string, ...buttons: string[]): Thenable<string | undefined> {
  return vscode.window.showWarningMessage(fitToShow(message), ...buttons);
}

export function showInformation(message: string, ...buttons: string[]): Thenable<string | undefined> {
  return vscode.window.showInformationMessage(fitToShow(message), ...buttons);
}

/** A question over the whole window, which waits for its answer; undefined: the user left it. */
export function ask(message: string, detail: string, ...buttons: string[]): Thenable<string | undefined> {
  const options = { modal: true, detail: fitToShowLines(detail) };
  return vscode.window.showWarningMessage(fitToShow(message), options, ...buttons);
}

/** A few words in the status bar that go away by themselves. */
export function showBriefly(message: string): void {
  vscode.window.setStatusBarMessage(fitToShow(message), 4000);
}

/** An input box for one answer. The prompt may have several lines, as instructions of a host do. */
export function askText(options: {
  readonly title: string;
  readonly prompt: string;
  readonly value?: string;
  readonly password?: boolean;
}): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    ...options,
    title: fitToShow(options.title),
    prompt: fitToShowLines(options.prompt),
    ignoreFocusOut: true,
  });
}

/** The editor's input box, whose words are made fit as they are set. */
export class ShownInput implements vscode.Disposable {
  readonly input = vscode.window.createInputBox();

  constructor(title: string) {
    this.input.title = fitToShow(title);
    this.input.ignoreFocusOut = true;
  }

  set problem(words: string | undefined) {
    this.input.validationMessage = words === undefined ? undefined : fitToShow(words);
  }

  dispose(): void {
    this.input.dispose();
  }
}

export function fitItem<T extends vscode.QuickPickItem>(item: T): T {
  return {
    ...item,
    label: fitToShow(item.label),
    ...(item.description !== undefined && { description: fitToShow(item.description) }),
    ...(item.detail !== undefined && { detail: fitToShow(item.detail) }),
  };
}

export function pick<T extends vscode.QuickPickItem>(
  items: readonly T[],
  title: string,
): Thenable<T | undefined> {
  return vscode.window.showQuickPick(items.map(fitItem), { title: fitToShow(title), ignoreFocusOut: true });
}

/** The editor's picker, whose words are made fit as they are set. */
export class ShownPick<T extends vscode.QuickPickItem> implements vscode.Disposable {
  readonly picker = vscode.window.createQuickPick<T>();

  constructor() {
    this.picker.ignoreFocusOut = true;
  }

  set title(words: string) {
    this.picker.title = fitToShow(words);
  }

  set placeholder(words: string) {
    this.picker.placeholder = fitToShow(words);
  }

  set items(items: readonly T[]) {
    this.picker.items = items.map(fitItem);
  }

  dispose(): void {
    this.picker.dispose();
  }
}

export type Report = vscode.Progress<{ message?: string; increment?: number }>;

/** A notification with *Cancel* for as long as the work takes. */
export function showProgress<T>(
  title: string,
  work: (report: Report, token: vscode.CancellationToken) => Thenable<T>,
): Thenable<T> {
  return vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: fitToShow(title), cancellable: true },
    (shown, token) => {
      const report = ({ message, ...rest }: { message?: string; increment?: number }) =>
        shown.report({ ...rest, ...(message !== undefined && { message: fitToShow(message) }) });
      return work({ report }, token);
    },
  );
}

/** Two versions side by side. */
export function showDiff(left: vscode.Uri, right: vscode.Uri, title: string): Thenable<unknown> {
  return vscode.commands.executeCommand('vscode.diff', left, right, fitToShow(title));
}

/** The log of the window: each line is one line, whatever a host put in it. */
export class WindowLog implements Log, vscode.Disposable {
  private readonly channel = vscode.window.createOutputChannel('Livemount', { log: true });

  readonly trace = (line: string): void => this.channel.trace(fitTerminalLine(line));
  readonly debug = (line: string): void => this.channel.debug(fitTerminalLine(line));
  readonly info = (line: string): void => this.channel.info(fitTerminalLine(line));
  readonly warn = (line: string): void => this.channel.warn(fitTerminalLine(line));
  readonly error = (line: string): void => this.channel.error(fitTerminalLine(line));

  show(): void {
    this.channel.show();
  }

  dispose(): void {
    this.channel.dispose();
  }
}
