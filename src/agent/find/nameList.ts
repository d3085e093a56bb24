import { fuzzyQuery, fuzzyScore } from '../../base/fuzzy';

export interface RankedName {
  /** Below the root, as latin1. */
  readonly path: string;
  readonly score: number;
}

/** The names of a tree's files, to be asked with every keystroke. */
export class NameList {
  /** As latin1, and as text. */
  private readonly paths: string[] = [];
  private readonly texts: string[] = [];
  private readonly places = new Map<string, number>();
  /** More names were there than are kept. */
  isFull = false;

  constructor(private readonly most: number) {}

  get size(): number {
    return this.paths.length;
  }

  has(path: string): boolean {
    return this.places.has(path);
  }

  add(path: string): void {
    if (this.places.has(path)) return;
    if (this.paths.length >= this.most) {
      this.isFull = true;
      return;
    }
    this.places.set(path, this.paths.length);
    this.paths.push(path);
    this.texts.push(textOf(path));
  }

  remove(path: string): void {
    const place = this.places.get(path);
    if (place === undefined) return;
    this.places.delete(path);
    const lastPath = this.paths.pop() as string;
    const lastText = this.texts.pop() as string;
    if (place === this.paths.length) return;
    this.paths[place] = lastPath;
    this.texts[place] = lastText;
    this.places.set(lastPath, place);
  }

  /** Removes a name, and all below it if it is a folder. */
  removeTree(path: string): void {
    this.remove(path);
    const prefix = `${path}/`;
    for (const other of this.paths.filter((name) => name.startsWith(prefix))) this.remove(other);
  }

  all(): readonly string[] {
    return this.paths;
  }

  /** The best `count` names, best first. */
  ranked(pattern: string, count: number): RankedName[] {
    const query = fuzzyQuery(pattern);
    const best: { readonly place: number; readonly score: number }[] = [];
    for (let place = 0; place < this.texts.length; place++) {
      const score = fuzzyScore(this.texts[place] as string, query);
      if (score === 0) continue;
      const last = best.at(-1);
      if (best.length >= count && last !== undefined && !this.isBetter(place, score, last)) continue;
      let low = 0;
      let high = best.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.isBetter(place, score, best[middle] as { place: number; score: number })) high = middle;
        else low = middle + 1;
      }
      best.splice(low, 0, { place, score });
      if (best.length > count) best.pop();
    }
    return best.map(({ place, score }) => ({ path: this.paths[place] as string, score }));
  }

  /** Of two with the same score the shorter path, then the one that comes first by its letters. */
  private isBetter(
    place: number,
    score: number,
    other: { readonly place: number; readonly score: number },
  ): boolean {
    if (score !== other.score) return score > other.score;
    const path = this.paths[place] as string;
    const than = this.paths[other.place] as string;
    return path.length !== than.length ? path.length < than.length : path < than;
  }
}

function textOf(latin1: string): string {
  for (let at = 0; at < latin1.length; at++) {
    if (latin1.charCodeAt(at) > 0x7f) return Buffer.from(latin1, 'latin1').toString('utf8');
  }
  return latin1;
}
