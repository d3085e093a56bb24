/** The word that was probably meant: the nearest of those that exist, if it is near enough for a slip of the fingers. */
export function suggestion(word: string, existing: readonly string[]): string | undefined {
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const candidate of existing) {
    const distance = editDistance(word.slice(0, LONGEST), candidate);
    if (distance <= Math.max(1, candidate.length / 3) && (best === undefined || distance < best.distance)) {
      best = { word: candidate, distance };
    }
  }
  return best?.word;
}

/** `; did you mean X?`, or nothing. */
export function didYouMean(word: string, existing: readonly string[], prefix = ''): string {
  const meant = suggestion(word, existing);
  return meant === undefined ? '' : `; did you mean ${prefix}${meant}?`;
}

/** No command or option is longer. */
const LONGEST = 32;

/** Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other. (Optimal string alignment) */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= from.length; row++) {
    const above = rows[row - 1] ?? [];
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const steps = [
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
      ];
      if (from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1] && row > 1 && column > 1) {
        steps.push((rows[row - 2]?.[column - 2] ?? 0) + 1);
      }
      current.push(Math.min(...steps));
    }
    rows.push(current);
  }
  return rows[from.length]?.[to.length] ?? 0;
}
