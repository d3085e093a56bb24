import * as vscode from 'vscode';
import { detailsOf } from '../../client/describe';
import type { RemoteProcess, TerminalSize } from '../../client/processes/processes';
import { fitTerminalLine } from '../../base/fitToShow';
import { WorkingDirectory } from './workingDirectory';

/**
 * What the editor may be given in one period: it has no flow control for terminals of extensions, and draws some 5 MB/s.
 * Beyond that the process waits, and keys are answered.
 */
const PERIOD_BYTES = 64 << 10;
const PERIOD_MS = 16;
/** How a shell says that it was a signal: 128 and its number. */
const BY_SIGNAL = 128;
/** What a terminal has that the editor does not size, as a task's may. */
const USUAL_SIZE: TerminalSize = { cols: 80, rows: 30 };

export interface HostPtyOptions {
  /** Starts the process, or finds it again. */
  readonly start: (size: TerminalSize) => Promise<RemoteProcess>;
  /** Where it begins. */
  readonly cwd: string;
  /** It runs. */
  readonly started?: (process: RemoteProcess) => void;
  /** It ended, or was closed; once. */
  readonly ended?: (code: number | undefined) => void;
  /** The text as it comes, for who looks for problems and addresses in it. */
  readonly printed?: (text: string) => void;
  /** What to do with the process when the terminal is closed; default: it is hung up. */
  readonly closed?: (process: RemoteProcess) => void;
}

/** A process of the host as a terminal of the editor. */
export class HostPty implements vscode.Pseudoterminal {
  private readonly writes = new vscode.EventEmitter<string>();
  private readonly closes = new vscode.EventEmitter<number>();
  readonly onDidWrite = this.writes.event;
  readonly onDidClose = this.closes.event;
  readonly directory: WorkingDirectory;
  private process: RemoteProcess | undefined;
  private typedEarly = '';
  private size: TerminalSize = USUAL_SIZE;
  private given = 0;
  private period: NodeJS.Timeout | undefined;
  private isClosed = false;

  constructor(private readonly options: HostPtyOptions) {
    this.directory = new WorkingDirectory(options.cwd);
  }

  get running(): RemoteProcess | undefined {
    return this.process;
  }

  open(dimensions: vscode.TerminalDimensions | undefined): void {
    if (dimensions !== undefined) this.size = { cols: dimensions.columns, rows: dimensions.rows };
    const { size } = this;
    this.options.start(size).then(
      (process) => this.run(process, size),
      (error) => this.fail(detailsOf(error)),
    );
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearTimeout(this.period);
    const { process } = this;
    if (process !== undefined) (this.options.closed ?? ((gone) => gone.dispose()))(process);
    this.options.ended?.(undefined);
  }

  handleInput(data: string): void {
    if (this.process === undefined) this.typedEarly += data;
    else this.process.input.write(data);
  }

  setDimensions({ columns, rows }: vscode.TerminalDimensions): void {
    this.size = { cols: columns, rows };
    this.process?.resize(this.size);
  }

  private run(process: RemoteProcess, size: TerminalSize): void {
    this.process = process;
    if (this.isClosed) {
      process.dispose();
      return;
    }
    if (size !== this.size) process.resize(this.size);
    if (this.typedEarly !== '') process.input.write(this.typedEarly);
    this.options.started?.(process);
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    process.output.on('data', (chunk: Buffer) => {
      this.print(decoder.decode(chunk, { stream: true }));
      this.given += chunk.length;
      if (this.given < PERIOD_BYTES) return;
      process.output.pause();
      this.period = setTimeout(() => {
        this.given = 0;
        process.output.resume();
      }, PERIOD_MS);
    });
    const read = new Promise<void>((resolve) => process.output.once('close', resolve));
    Promise.all([process.ended, read]).then(
      ([{ code, signal }]) => this.finish(signal === 0 ? code : BY_SIGNAL + signal),
      (error) => this.fail(detailsOf(error)),
    );
  }

  private print(text: string): void {
    if (text === '' || this.isClosed) return;
    this.directory.take(text);
    this.options.printed?.(text);
    this.writes.fire(text);
  }

  private fail(why: string): void {
    if (this.isClosed) return;
    this.writes.fire(`\r\n${fitTerminalLine(why)}\r\n`);
    this.finish(1);
  }

  private finish(code: number): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.options.ended?.(code);
    this.closes.fire(code);
  }
}
