import type { Context } from '../context';
import type { OptionName } from '../options';

/** Exit status of the program. */
export const ExitCode = {
  OK: 0,
  FAILED: 1,
  /** The command line was not understood. */
  USAGE: 2,
  /** The file on the host is not what was expected (it changed, or exists already); nothing was written. */
  CONFLICT: 3,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** One operand as the usage shows it. */
export interface Operand {
  readonly word: string;
  /** One or more of them. */
  readonly many?: true;
  /** It may be left out. */
  readonly optional?: true;
}

/** One command: what the help says, what it takes, and what it does. */
export interface Command {
  readonly summary: string;
  readonly operands: readonly Operand[];
  readonly options: readonly OptionName[];
  /** Letters that mean something of their own to this command, as programs of its kind have them. */
  readonly letters?: { readonly [K in OptionName]?: string };
  /** What an option means to this command, where the table's words do not say it. */
  readonly wording?: { readonly [K in OptionName]?: string };
  /** More about it, a sentence or a paragraph each. */
  readonly notes?: readonly string[];
  /** @param operands as many as `operands` asks for */
  run(context: Context, operands: readonly string[]): Promise<number>;
}
