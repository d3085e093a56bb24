/** Who wrote a line. */
export interface BlameLine {
  readonly oid: string;
  readonly author: string;
  readonly email: string;
  /** Seconds since 1970. */
  readonly authored: number;
  readonly summary: string;
  /** Not committed yet. */
  readonly uncommitted: boolean;
}

/** The output of `git blame --porcelain`: the line at index i is line i + 1 of the file. */
export function parseBlame(output: Buffer): BlameLine[] {
  const lines: BlameLine[] = [];
  const known = new Map<string, Record<string, string>>();
  let oid = '';
  for (const line of output.toString('utf8').split('\n')) {
    if (line.startsWith('\t')) {
      const facts = known.get(oid) ?? {};
      lines.push({
        oid,
        author: facts.author ?? '',
        email: (facts['author-mail'] ?? '').replace(/^<|>$/g, ''),
        authored: Number(facts['author-time'] ?? 0),
        summary: facts.summary ?? '',
        uncommitted: /^0+$/.test(oid),
      });
      continue;
    }
    const start = /^([0-9a-f]{40,64}) \d+ \d+/.exec(line);
    if (start) {
      oid = start[1] as string;
      if (!known.has(oid)) known.set(oid, {});
      continue;
    }
    const space = line.indexOf(' ');
    const facts = known.get(oid);
    if (facts && space > 0) facts[line.slice(0, space)] = line.slice(space + 1);
  }
  return lines;
}
