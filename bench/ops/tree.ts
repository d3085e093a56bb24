import { createHash } from 'node:crypto';
import { mkdirSync, openSync, writeFileSync, writeSync, closeSync } from 'node:fs';
import { join } from 'node:path';

/** How much of everything. */
export interface TreeSizes {
  readonly folders: number;
  readonly filesPerFolder: number;
  readonly sourceFiles: number;
  readonly bigFolder: number;
  readonly smallFiles: number;
  /** Bytes of the large files, one each. */
  readonly large: readonly number[];
}

/** Where things are below the root of a tree. */
export const place = {
  folder: (index: number) => `folders/d${index}`,
  source: (index: number) => `src/module${index}.ts`,
  bigFolder: 'many',
  small: (index: number) => `small/${index % 100}/f${index}`,
  large: (bytes: number) => `large-${bytes}`,
} as const;

/** A tree like a project's, for one repetition: what one peer has read is cold for nobody but itself. */
export function makeProject(root: string, sizes: TreeSizes): void {
  mkdirSync(join(root, '.git/refs'), { recursive: true });
  writeFileSync(join(root, '.git/HEAD'), 'ref: refs/heads/main\n');
  writeFileSync(join(root, 'package.json'), '{ "name": "sample" }\n');
  writeFileSync(join(root, 'README.md'), '# Sample\n');
  for (let i = 0; i < sizes.folders; i++) {
    const folder = join(root, place.folder(i));
    mkdirSync(folder, { recursive: true });
    for (let j = 0; j < sizes.filesPerFolder; j++) writeFileSync(join(folder, `file${j}.txt`), `${i} ${j}\n`);
  }
  mkdirSync(join(root, 'src'));
  for (let i = 0; i < sizes.sourceFiles; i++)
    writeFileSync(join(root, place.source(i)), content(`source ${i}`, 6_000));
}

/** What is large: made once, since nobody caches it whole. */
export function makeBulk(root: string, sizes: TreeSizes): void {
  mkdirSync(join(root, place.bigFolder), { recursive: true });
  for (let i = 0; i < sizes.bigFolder; i++) writeFileSync(join(root, place.bigFolder, `entry-${i}.dat`), '');
  for (let i = 0; i < sizes.smallFiles; i++) {
    const file = join(root, place.small(i));
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, content(`small ${i}`, 1_000));
  }
  for (const bytes of sizes.large) writeLarge(join(root, place.large(bytes)), bytes);
}

function writeLarge(file: string, bytes: number): void {
  const block = content(file, 1 << 20);
  const fd = openSync(file, 'w');
  try {
    for (let left = bytes; left > 0; left -= block.length)
      writeSync(fd, block, 0, Math.min(left, block.length));
  } finally {
    closeSync(fd);
  }
}

/** Bytes that do not compress, the same for the same seed. */
export function content(seed: string, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0, size = 0; size < length; i++, size += 64) {
    blocks.push(createHash('sha512').update(`${seed} ${i}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}
