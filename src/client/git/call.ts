import type { GitCall } from './host';

/**
 * What every call has before its own words. No pager and no colours, since nobody reads the output but us; names come as
 * bytes.
 */
const ALWAYS = [
  '--no-pager',
  '--no-optional-locks',
  '-c',
  'core.quotePath=false',
  '-c',
  'color.ui=false',
  '-c',
  'advice.detachedHead=false',
];

/**
 * Before a command that is given paths: `*` and `:(top)` are names then. It is not for all, since git hands it down to the
 * hooks it starts, and to its own `stash`, which uses patterns.
 */
export const LITERAL = '--literal-pathspecs';

/** The environment of every call: words that can be parsed, and no question on a terminal that nobody sees. */
export const gitEnvironment: Readonly<Record<string, string>> = {
  LC_ALL: 'C',
  LANGUAGE: 'C',
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_PAGER: 'cat',
  // What would open an editor takes the text that is there.
  GIT_EDITOR: 'true',
  GIT_SEQUENCE_EDITOR: 'true',
  GIT_MERGE_AUTOEDIT: 'no',
};

/** The words and the environment that a host runs for a call. */
export function commandOf(call: GitCall): { argv: readonly string[]; env: Readonly<Record<string, string>> } {
  return { argv: ['git', ...ALWAYS, ...call.args], env: { ...gitEnvironment, ...call.env } };
}
