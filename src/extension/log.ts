/** What every part logs to; vscode.LogOutputChannel is one. A line has a place, a subject and an outcome, and no secret. */
export interface Log {
  trace(line: string): void;
  debug(line: string): void;
  info(line: string): void;
  warn(line: string): void;
  error(line: string): void;
}
