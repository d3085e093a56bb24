const STEPS = '▁▂▃▄▅▆▇█';

/** A row of bars, one for each value, from nothing to the largest of them; a value that is not known is a gap. */
export function sparkline(values: readonly (number | undefined)[], least = 0): string {
  const top = Math.max(least, ...values.map((value) => value ?? 0));
  return values
    .map((value) => {
      if (value === undefined) return ' ';
      const step = top === 0 ? 0 : Math.round((value / top) * (STEPS.length - 1));
      return STEPS.charAt(Math.min(STEPS.length - 1, Math.max(0, step)));
    })
    .join('');
}
