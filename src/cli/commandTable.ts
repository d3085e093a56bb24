import { cat } from './commands/cat';
import { clean } from './commands/clean';
import { exec, shell } from './commands/exec';
import { forward } from './commands/forward';
import { cp, mkdir, mv, rm } from './commands/change';
import { get } from './commands/get';
import { ls } from './commands/ls';
import { mount } from './commands/mount';
import { mounts } from './commands/mounts';
import { put } from './commands/put';
import { files, search } from './commands/search';
import { stat } from './commands/stat';
import type { Command } from './commands/types';
import { umount } from './commands/umount';
import { watch } from './commands/watch';

/** Every command, once, in the order of the help. */
export const COMMANDS = {
  ls,
  cat,
  get,
  put,
  stat,
  mkdir,
  cp,
  mv,
  rm,
  mounts,
  watch,
  exec,
  shell,
  forward,
  search,
  files,
  mount,
  umount,
  clean,
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof COMMANDS;

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

/** What the program tells of itself, without a host. */
export const TOPICS = {
  completion: {
    words: ['bash', 'zsh', 'fish'],
    summary: 'print a completion script, e.g. for `source <(livemount completion bash)`',
  },
  manual: { words: [], summary: 'print the manual page, e.g. for `livemount manual | man -l -`' },
  hosts: { words: [], summary: 'print the hosts that the SSH configuration names' },
} as const satisfies Record<string, { readonly words: readonly string[]; readonly summary: string }>;

export type Topic = keyof typeof TOPICS;
