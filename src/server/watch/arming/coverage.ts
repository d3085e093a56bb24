import { BoundedMap } from '../../../base/boundedMap';
import type { Mask } from '../../../protocol/brand';
import { ErrnoError } from '../../../protocol/errno';
import { Excludes, relativePatterns } from '../../../protocol/excludes';
import type { MarkUpdate } from '../../../protocol/marks';
import { MARK_SUBTREE, MARK_VISIBLE } from '../../../protocol/livemount';
import { aggregate, wantedEvents } from '../../../protocol/mask';
import {
  asText,
  type BytePath,
  fromBytes,
  isWithin,
  joined,
  nameOf,
  parentOf,
  relativeTo,
} from '../bytePath';

/** The events that one session wants of one object of a superblock. */
export interface Mark {
  readonly path: BytePath;
  readonly mask: Mask;
  readonly subtree: boolean;
  readonly visible: boolean;
  readonly excludes: readonly string[];
  /** Whether the excludes leave `path`, which lies below the mark's, out. */
  excluded(path: BytePath): boolean;
  /** Whether the excludes leave all out that lies in a directory. */
  excludedBelow(directory: BytePath): boolean;
}

/** Where marks changed: what has to be armed or disarmed lies there. */
export type MarkPlace = Pick<Mark, 'path' | 'subtree'>;

/** EINVAL: a mask without an event, or excludes beyond their bounds. */
export function compileMark(update: MarkUpdate): Mark {
  const path = fromBytes(update.path);
  const excludes = Excludes.compile(relativePatterns(update.excludes, `/${asText(path)}`));
  if (excludes === undefined) throw new ErrnoError('EINVAL', 'excludes beyond their bounds');
  const none = () => false;
  const hasExcludes = excludes.patterns.length > 0;
  return {
    path,
    mask: wantedEvents(update.mask),
    subtree: (update.flags & MARK_SUBTREE) !== 0,
    visible: (update.flags & MARK_VISIBLE) !== 0,
    excludes: excludes.patterns,
    excluded: hasExcludes ? (other) => excludes.match(asText(relativeTo(other, path))) : none,
    excludedBelow: hasExcludes ? (other) => excludes.matchBelow(asText(relativeTo(other, path))) : none,
  };
}

const FEW_MARKS = 4;

/** A mark without excludes covers a path. */
function covers(mark: Mark, path: BytePath): boolean {
  if (!isWithin(path, mark.path)) return false;
  if (mark.subtree || path.length === mark.path.length) return true;
  return path.indexOf('/', mark.path.length + (mark.path === '' ? 0 : 1)) < 0;
}

/** A mark without excludes covers what lies directly in a directory. */
function coversBelow(mark: Mark, directory: BytePath): boolean {
  return directory === mark.path || (mark.subtree && isWithin(directory, mark.path));
}

/** Directories whose answer is remembered. */
const REMEMBERED_DIRECTORIES = 4096;

const NO_MARKS: readonly Mark[] = [];

/** The marks on one superblock, and which of its objects they cover. */
export class Coverage {
  private readonly byPath = new Map<BytePath, Mark[]>();
  /** For each directory on the way to a mark: the names that lead there. */
  private readonly spine = new Map<BytePath, Set<BytePath>>();
  private readonly remembered = new BoundedMap<BytePath, readonly Mark[]>(REMEMBERED_DIRECTORIES);

  /** The OR over all masks. */
  readonly mask: Mask;
  readonly hasExcludes: boolean;
  /** So few marks, without excludes, that each can be asked. */
  private readonly isSimple: boolean;

  constructor(readonly marks: readonly Mark[]) {
    this.mask = aggregate(marks.map((mark) => mark.mask));
    this.hasExcludes = marks.some((mark) => mark.excludes.length > 0);
    this.isSimple = !this.hasExcludes && marks.length <= FEW_MARKS;
    for (const mark of marks) {
      const here = this.byPath.get(mark.path);
      if (here === undefined) this.byPath.set(mark.path, [mark]);
      else here.push(mark);
      for (let path = mark.path; path !== ''; path = parentOf(path)) {
        const names = this.spine.get(parentOf(path));
        if (names === undefined) this.spine.set(parentOf(path), new Set([nameOf(path)]));
        else names.add(nameOf(path));
      }
    }
  }

  /** The marks that cover what lies directly in a directory, excludes of the names left aside. */
  over(directory: BytePath): readonly Mark[] {
    if (this.isSimple) {
      const { marks } = this;
      return marks.every((mark) => coversBelow(mark, directory))
        ? marks
        : marks.filter((mark) => coversBelow(mark, directory));
    }
    const known = this.remembered.get(directory);
    if (known !== undefined) return known;
    const above = directory === '' ? NO_MARKS : this.over(parentOf(directory)).filter((mark) => mark.subtree);
    const inherited = above.some((mark) => mark.excludedBelow(directory))
      ? above.filter((mark) => !mark.excludedBelow(directory))
      : above;
    const own = this.byPath.get(directory)?.filter((mark) => !mark.excludedBelow(directory));
    const all = own === undefined || own.length === 0 ? inherited : [...inherited, ...own];
    this.remembered.set(directory, all);
    return all;
  }

  /** The events asked for of an object: of the marks on it, and of those that cover it. */
  maskOf(path: BytePath): Mask {
    let mask = 0;
    if (this.isSimple) {
      for (const mark of this.marks) if (covers(mark, path)) mask |= mark.mask;
      return mask as Mask;
    }
    if (path !== '') {
      for (const mark of this.over(parentOf(path))) if (!mark.excluded(path)) mask |= mark.mask;
    }
    for (const mark of this.byPath.get(path) ?? NO_MARKS) mask |= mark.mask;
    return mask as Mask;
  }

  /** The names in a directory that lead to a mark. */
  leadsTo(directory: BytePath): ReadonlySet<BytePath> | undefined {
    return this.spine.get(directory);
  }

  /** Something that lies directly in a directory is covered: not only what leads further down matters there. */
  coversIn(directory: BytePath): boolean {
    if (this.over(directory).length > 0) return true;
    for (const name of this.spine.get(directory) ?? [])
      if (this.byPath.has(joined(directory, name))) return true;
    return false;
  }

  /** A directory must be watched: something in it is covered, or leads to a mark. */
  needs(directory: BytePath): boolean {
    if (this.isSimple) {
      for (const mark of this.marks) if (coversBelow(mark, directory)) return true;
      return this.spine.has(directory);
    }
    return this.over(directory).length > 0 || this.spine.has(directory);
  }

  /** An entry of a directory matters. */
  wants(directory: BytePath, name: BytePath): boolean {
    if (this.spine.get(directory)?.has(name) === true) return true;
    const marks = this.over(directory);
    if (marks.length === 0) return false;
    if (marks.some((mark) => mark.excludes.length === 0)) return true;
    const path = joined(directory, name);
    return marks.some((mark) => !mark.excluded(path));
  }

  /** Everything below a directory is covered, without exception. */
  coversAllBelow(directory: BytePath): boolean {
    return this.over(directory).some((mark) => mark.subtree && mark.excludes.length === 0);
  }

  /** Somebody looks at a directory, or at something that lies directly in it. */
  visible(directory: BytePath): boolean {
    if (this.over(directory).some((mark) => mark.visible)) return true;
    for (const name of this.spine.get(directory) ?? [])
      if (this.byPath.get(joined(directory, name))?.some((mark) => mark.visible)) return true;
    return false;
  }

  /** The marked paths below `path`. */
  marksBelow(path: BytePath): BytePath[] {
    if (!this.spine.has(path)) return [];
    return [...this.byPath.keys()].filter((marked) => marked !== path && isWithin(marked, path));
  }
}
