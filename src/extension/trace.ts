import type * as vscode from 'vscode';
import { detailsOf } from '../client/describe';
import { Errno, errnoName, errnoOf } from '../protocol/errno';
import type { Log } from './log';

/**
 * The editor's calls, one JSON line each, while `livemount.trace` is on: what VS Code really asks, in its order, to be
 * kept as a fixture and replayed. Holds paths and durations, never content.
 */
export class CallTrace {
  constructor(
    private readonly log: Log,
    private readonly isOn: () => boolean,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** A call without an outcome of its own. */
  note(call: string, uri: vscode.Uri, details: Readonly<Record<string, unknown>> = {}): void {
    if (this.isOn()) this.write({ call, path: uri.path, ...details });
  }

  async measure<T>(call: string, uri: vscode.Uri, operation: () => Promise<T>): Promise<T> {
    if (!this.isOn()) return this.logged(call, uri, operation);
    const start = this.now();
    const outcome = (result: string) =>
      this.write({ call, path: uri.path, ms: Math.round((this.now() - start) * 10) / 10, result });
    try {
      const value = await operation();
      outcome('ok');
      return value;
    } catch (error) {
      outcome(errnoName(errnoOf(error)));
      throw error;
    }
  }

  /** What a person reads of a failure has no code; the log has it. That something is not there is no failure. */
  private async logged<T>(call: string, uri: vscode.Uri, operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      const line = `${call} ${uri.authority}:${uri.path}: ${detailsOf(error)}`;
      if (errnoOf(error) === Errno.ENOENT) this.log.debug(line);
      else this.log.info(line);
      throw error;
    }
  }

  private write(line: Readonly<Record<string, unknown>>): void {
    this.log.info(`call ${JSON.stringify(line)}`);
  }
}
