import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  chmodSync,
  lstatSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Random } from './random';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Random operations of the kind that builds, git and editors do, inside one directory; names collide on purpose. */
export class Operations {
  /** Inodes that have, or had, several names: a write through one makes an event under that name only. */
  readonly linked = new Set<bigint>();

  constructor(
    private readonly top: string,
    private readonly outside: string,
    private readonly random: Random,
  ) {}

  /** Where filesystems are mounted now, each on a directory right below the top: what is above can't be renamed then. */
  readonly mountpoints = new Set<string>();

  /** Does one; gives what it was. One that can't be done (a name is taken, a directory into itself) does nothing. */
  step(): string {
    const operation = this.random.weighted(this.table);
    try {
      return operation();
    } catch (error) {
      return `(${error instanceof Error && 'code' in error ? error.code : error})`;
    }
  }

  private readonly table: readonly (readonly [number, () => string])[] = [
    [6, () => this.write()],
    [4, () => this.append()],
    [3, () => this.mkdirAndFill()],
    [3, () => this.renameAny()],
    [3, () => this.save()],
    [2, () => this.removeAny()],
    [1, () => this.link()],
    [1, () => this.symlink()],
    [1, () => this.moveOut()],
    [1, () => this.moveIn()],
    [1, () => this.chmod()],
    [1, () => this.exchange()],
    [1, () => this.buildAndMove()],
    [0.5, () => this.mount()],
    [0.7, () => this.unmount()],
  ];

  private write(): string {
    const path = this.somewhere();
    writeFileSync(path, `${this.random.below(1000)}`);
    return `write ${path}`;
  }

  private append(): string {
    const path = this.something();
    if (!lstatSync(path).isFile()) return 'nothing';
    appendFileSync(path, 'more');
    return `append ${path}`;
  }

  private mkdirAndFill(): string {
    const path = join(this.somewhere(), this.name());
    mkdirSync(path, { recursive: true });
    for (let i = this.random.below(4); i >= 0; i--) writeFileSync(join(path, this.name()), 'x');
    return `mkdir -p and fill ${path}`;
  }

  private renameAny(): string {
    const from = this.something();
    const to = this.somewhere();
    renameSync(from, to);
    return `mv ${from} ${to}`;
  }

  private save(): string {
    const target = this.somewhere();
    const staged = `${target}.tmp`;
    writeFileSync(staged, `saved ${this.random.below(1000)}`);
    try {
      renameSync(staged, target);
    } catch {
      unlinkSync(staged);
    }
    return `save ${target}`;
  }

  private removeAny(): string {
    const path = this.something();
    rmSync(path, { recursive: true, force: true });
    return `rm -r ${path}`;
  }

  private link(): string {
    const from = this.something();
    const to = this.somewhere();
    linkSync(from, to);
    this.linked.add(lstatSync(to, { bigint: true }).ino);
    return `ln ${from} ${to}`;
  }

  private symlink(): string {
    const path = this.somewhere();
    symlinkSync(this.name(), path);
    return `ln -s ${path}`;
  }

  private moveOut(): string {
    const from = this.something();
    const to = join(this.outside, `${this.name()}${this.random.below(1000)}`);
    renameSync(from, to);
    return `mv out ${from}`;
  }

  private moveIn(): string {
    const names = readdirSync(this.outside);
    const name = this.random.pick(names);
    if (name === undefined) return 'nothing';
    const to = this.somewhere();
    renameSync(join(this.outside, name), to);
    return `mv in ${to}`;
  }

  private chmod(): string {
    const path = this.something();
    if (lstatSync(path).isSymbolicLink()) return 'nothing';
    chmodSync(path, 0o700);
    return `chmod ${path}`;
  }

  private exchange(): string {
    const one = this.something();
    const other = this.something();
    const aside = join(this.top, 'aside');
    if (one === other || existsSync(aside)) return 'nothing';
    renameSync(one, aside);
    try {
      renameSync(other, one);
      renameSync(aside, other);
    } catch {
      if (!existsSync(one)) renameSync(aside, one);
      else rmSync(aside, { recursive: true, force: true });
    }
    return `swap ${one} ${other}`;
  }

  /** A tree that is renamed while it is being filled. */
  private buildAndMove(): string {
    const from = this.somewhere();
    const to = this.somewhere();
    mkdirSync(join(from, this.name()), { recursive: true });
    writeFileSync(join(from, this.name()), 'before');
    renameSync(from, to);
    writeFileSync(join(to, this.name()), 'after');
    return `build ${from} and move it to ${to}`;
  }

  private mount(): string {
    const point = join(this.top, this.name());
    if (!existsSync(point) || !lstatSync(point).isDirectory() || this.mountpoints.has(point))
      return 'nothing';
    execFileSync('mount', ['-t', 'tmpfs', 'livemount-model', point]);
    this.mountpoints.add(point);
    return `mount ${point}`;
  }

  /** Fails, as for anybody, if something keeps the mount busy. */
  private unmount(): string {
    const point = this.random.pick([...this.mountpoints]);
    if (point === undefined) return 'nothing';
    execFileSync('umount', [point]);
    this.mountpoints.delete(point);
    return `umount ${point}`;
  }

  private name(): string {
    return this.random.pick(NAMES) ?? 'a';
  }

  /** A path whose parent exists. */
  private somewhere(): string {
    let directory = this.top;
    for (let depth = this.random.below(4); depth > 0; depth--) {
      const below = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
      const next = this.random.pick(below);
      if (next === undefined) break;
      directory = join(directory, next.name);
    }
    return join(directory, this.name());
  }

  /** A path that exists. */
  private something(): string {
    let path = this.top;
    for (let depth = 1 + this.random.below(4); depth > 0; depth--) {
      if (!lstatSync(path).isDirectory()) break;
      const next = this.random.pick(readdirSync(path));
      if (next === undefined) break;
      path = join(path, next);
    }
    if (path === this.top) throw new Error('empty');
    return path;
  }
}
