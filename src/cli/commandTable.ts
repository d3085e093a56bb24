import { cat } from './commands/cat';
import { cp, mkdir, mv, rm } from './commands/change';
import { ls } from './commands/ls';
import { mounts } from './commands/mounts';
import { put } from './commands/put';
import { stat } from './commands/stat';
import type { Command } from './commands/types';
import { watch } from './commands/watch';

/** Every command, once, in the order of the help. */
export const COMMANDS = { ls, cat, put, stat, mkdir, cp, mv, rm, mounts, watch } as const satisfies Record<
  string,
  Command
>;

export type CommandName = keyof typeof COMMANDS;

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}
