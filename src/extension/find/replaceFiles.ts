import type { FoundInFile } from '../../client/find/search';
import type { Vfs } from '../../client/vfs';
import { Errno, errnoOf } from '../../protocol/errno';
import type { Version } from '../../protocol/livemount';
import { CHANGED, replaced } from './replacing';
import type { Wanted } from './wanted';

/** Files that are read and saved at the same time. */
const AT_ONCE = 8;
/** What is kept so that it can be put back, in bytes; larger replacements cannot be undone. */
const UNDO_BYTES_MAX = 256 << 20;

/** A file that was replaced in, and how to put back what it held. */
interface Done {
  readonly path: string;
  readonly before: Buffer | undefined;
  readonly version: Version;
}

/** Why a file was left alone. */
export type LeftAlone = 'changed' | 'unsaved' | 'notText' | { readonly error: unknown };

export interface Outcome {
  readonly done: readonly Done[];
  readonly left: readonly { readonly path: string; readonly why: LeftAlone }[];
}

type VfsFiles = Pick<Vfs, 'stat' | 'readFile' | 'writeFile'>;

/**
 * Replaces the matches in all files: each is saved whole, on the condition that it still is what was read, and only if the
 * matches are where they were found.
 */
export async function replaceInFiles(
  vfs: VfsFiles,
  files: readonly FoundInFile[],
  wanted: Wanted,
  replacement: string,
  options: {
    readonly signal: AbortSignal;
    /** The editor has changes of it that are not saved. */
    readonly isUnsaved: (path: string) => boolean;
    readonly progress: (done: number, total: number) => void;
  },
): Promise<Outcome> {
  const done: Done[] = [];
  const left: { path: string; why: LeftAlone }[] = [];
  let kept = 0;
  await eachOf(
    files,
    options,
    async ({ path, matches }) => {
      const alone = (why: LeftAlone) => void left.push({ path, why });
      if (options.isUnsaved(path)) return alone('unsaved');
      const { version } = await vfs.stat(path);
      const before = await vfs.readFile(path, { signal: options.signal });
      const text = before.toString('utf8');
      // Only what comes out as it went in can be saved without harm.
      if (!Buffer.from(text, 'utf8').equals(before)) return alone('notText');
      const mark = text.startsWith('\ufeff') ? '\ufeff' : '';
      const after = replaced(text.slice(mark.length), matches, wanted, replacement);
      if (after === CHANGED) return alone('changed');
      const content = Buffer.from(mark + after, 'utf8');
      const saved = await vfs.writeFile(path, content, {
        create: false,
        overwrite: true,
        expect: version,
        signal: options.signal,
      });
      kept += before.length;
      done.push({ path, before: kept <= UNDO_BYTES_MAX ? before : undefined, version: saved.version });
    },
    left,
  );
  return { done, left };
}

/** Puts back what the files held, each on the condition that nobody changed it since. */
export async function undoReplace(
  vfs: VfsFiles,
  files: readonly Done[],
  options: { readonly signal: AbortSignal; readonly progress: (done: number, total: number) => void },
): Promise<Outcome> {
  const done: Done[] = [];
  const left: { path: string; why: LeftAlone }[] = [];
  await eachOf(
    files,
    options,
    async ({ path, before, version }) => {
      if (before === undefined) return void left.push({ path, why: 'changed' });
      const saved = await vfs.writeFile(path, before, {
        create: false,
        overwrite: true,
        expect: version,
        signal: options.signal,
      });
      done.push({ path, before: undefined, version: saved.version });
    },
    left,
  );
  return { done, left };
}

async function eachOf<T extends { readonly path: string }>(
  files: readonly T[],
  {
    signal,
    progress,
  }: { readonly signal: AbortSignal; readonly progress: (done: number, total: number) => void },
  work: (file: T) => Promise<void>,
  left: { path: string; why: LeftAlone }[],
): Promise<void> {
  const queue = [...files];
  let count = 0;
  const next = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined && !signal.aborted; file = queue.shift()) {
      try {
        await work(file);
      } catch (error) {
        left.push({ path: file.path, why: errnoOf(error) === Errno.EREMCHG ? 'changed' : { error } });
      }
      progress(++count, files.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}
