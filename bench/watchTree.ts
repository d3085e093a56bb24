import { mkdirSync, readdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A tree as source trees are: directories with a few small files each, nested three deep. */
export interface TreeSize {
  readonly directories: number;
  readonly filesEach: number;
}

const FAN_OUT = 46;

/** Makes the tree; gives the directories at its bottom. */
export function makeTree(top: string, { directories, filesEach }: TreeSize): string[] {
  const bottom: string[] = [];
  let made = 0;
  const make = (path: string): boolean => {
    if (made >= directories) return false;
    mkdirSync(path, { recursive: true });
    made++;
    for (let i = 0; i < filesEach; i++) writeFileSync(join(path, `file${i}.ts`), '');
    return true;
  };
  for (let a = 0; made < directories; a++) {
    make(join(top, `package${a}`));
    for (let b = 0; b < FAN_OUT && made < directories; b++) {
      make(join(top, `package${a}`, `module${b}`));
      for (let c = 0; c < FAN_OUT; c++) {
        const path = join(top, `package${a}`, `module${b}`, `part${c}`);
        if (make(path)) bottom.push(path);
      }
    }
  }
  return bottom;
}

/** Files are spread over this many directories, as a build or a checkout does. */
const STORM_DIRECTORIES = 500;

/** The files a storm makes, changes, renames and deletes; the name says which. */
export class Storm {
  private readonly files: string[];

  constructor(bottom: readonly string[], count: number) {
    const step = Math.max(1, Math.floor(bottom.length / STORM_DIRECTORIES));
    const chosen = bottom.filter((_, i) => i % step === 0).slice(0, STORM_DIRECTORIES);
    this.files = Array.from({ length: count }, (_, i) => join(chosen[i % chosen.length] ?? '', `storm${i}`));
  }

  get count(): number {
    return this.files.length;
  }

  create(): void {
    for (const file of this.files) writeFileSync(file, 'created');
  }

  modify(): void {
    for (const file of this.files) writeFileSync(file, 'modified');
  }

  rename(): void {
    for (const file of this.files) renameSync(file, `${file}.renamed`);
  }

  remove(): void {
    for (const file of this.files) unlinkSync(`${file}.renamed`);
  }
}

/** What is left of a tree; slow, so only used at the end. */
export function removeTree(top: string): void {
  for (const name of readdirSync(top)) rmSync(join(top, name), { recursive: true, force: true });
  rmSync(top, { recursive: true, force: true });
}
