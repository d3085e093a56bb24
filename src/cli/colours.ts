import type { DirectoryEntry, Stat } from '../client/vfs';

/** Paints text for a terminal, or leaves it as it is. */
export interface Colours {
  name(text: string, entry: Pick<DirectoryEntry, 'kind' | 'isSymlink' | 'isMountpoint'>, stat?: Stat): string;
  match(text: string): string;
  place(text: string): string;
  faint(text: string): string;
}

const paint = (code: string) => (text: string) => (text === '' ? '' : `\u001b[${code}m${text}\u001b[0m`);
const FOLDER = paint('1;34');
const LINK = paint('36');
const MOUNT = paint('1;35');
const PROGRAM = paint('32');
const OTHER = paint('33');
const ANY_EXECUTE = 0o111;

const painted: Colours = {
  name(text, { kind, isSymlink, isMountpoint }, stat) {
    if (isSymlink) return LINK(text);
    if (isMountpoint) return MOUNT(text);
    if (kind === 'directory') return FOLDER(text);
    if (kind === 'other') return OTHER(text);
    return stat !== undefined && (stat.mode & ANY_EXECUTE) !== 0 ? PROGRAM(text) : text;
  },
  match: paint('1;31'),
  place: paint('35'),
  faint: paint('2'),
};

const same = (text: string) => text;
export const plain: Colours = { name: same, match: same, place: same, faint: same };

/** Colours on a terminal that has some, unless the user wants none (no-color.org). */
export function coloursFor(isTerminal: boolean, env: NodeJS.ProcessEnv): Colours {
  return isTerminal && !env.NO_COLOR && env.TERM !== 'dumb' ? painted : plain;
}
