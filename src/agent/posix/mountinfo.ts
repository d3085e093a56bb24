import { readFileSync } from 'node:fs';
import { ErrnoError, errnoOf } from '../../protocol/errno';

/** One line of /proc/self/mountinfo. (proc(5)) */
export interface MountinfoLine {
  readonly mountId: number;
  readonly parentId: number;
  readonly major: number;
  readonly minor: number;
  /** The part of its filesystem that the mount shows. */
  readonly root: Buffer;
  readonly mountpoint: Buffer;
  /** Options of the mount, then those of its filesystem that it does not repeat. */
  readonly options: string;
  readonly readonly: boolean;
  readonly fstype: string;
  readonly source: string;
}

/** The mounts of this process's namespace, as text. EMFILE, ENFILE, ENOMEM: not now. */
export function readMountinfo(): Buffer {
  try {
    return readFileSync('/proc/self/mountinfo');
  } catch (error) {
    throw new ErrnoError(errnoOf(error), 'reading the mount table');
  }
}

/** Takes mountinfo apart; a line that is not of its form is left out, as newer kernels may add some. */
export function parseMountinfo(content: Buffer): MountinfoLine[] {
  const lines: MountinfoLine[] = [];
  for (const line of content.toString('latin1').split('\n')) {
    const parsed = parseLine(line);
    if (parsed !== undefined) lines.push(parsed);
  }
  return lines;
}

function parseLine(line: string): MountinfoLine | undefined {
  const [mountId, parentId, device, root, mountpoint, options, ...rest] = line.split(' ');
  // Optional fields end with a lone "-".
  const dash = rest.indexOf('-');
  const [fstype, source, superOptions] = rest.slice(dash + 1);
  if (dash < 0 || root === undefined || mountpoint === undefined || fstype === undefined) return undefined;
  const [major, minor] = (device ?? '').split(':');
  const own = (options ?? '').split(',');
  const ofFilesystem = (superOptions ?? '').split(',');
  const isReadonly = own.includes('ro') || ofFilesystem.includes('ro');
  const added = ofFilesystem.filter((option) => !own.includes(option) && option !== 'rw' && option !== '');
  return {
    mountId: Number(mountId),
    parentId: Number(parentId),
    major: Number(major),
    minor: Number(minor),
    root: unescaped(root),
    mountpoint: unescaped(mountpoint),
    options: text([...own, ...added].join(',')),
    readonly: isReadonly,
    fstype: text(fstype),
    source: text(source ?? ''),
  };
}

/** Space, tab, newline and backslash are written as octal numbers. */
function unescaped(field: string): Buffer {
  const plain = field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
  return Buffer.from(plain, 'latin1');
}

function text(field: string): string {
  return unescaped(field).toString('utf8');
}
