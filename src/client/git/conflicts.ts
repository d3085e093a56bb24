/** A conflict between markers; all numbers are lines from 0. */
export interface Conflict {
  /** `<<<<<<<` */
  readonly start: number;
  /** `|||||||`, where the common base is shown. */
  readonly base: number | undefined;
  /** `=======` */
  readonly middle: number;
  /** `>>>>>>>` */
  readonly end: number;
}

/** The conflicts that git wrote into a text. Markers without a partner are text. */
export function findConflicts(text: string): Conflict[] {
  const found: Conflict[] = [];
  let start: number | undefined;
  let base: number | undefined;
  let middle: number | undefined;
  text.split(/\r\n|\n|\r/).forEach((line, at) => {
    if (/^<{7}( |$)/.test(line)) {
      start = at;
      base = undefined;
      middle = undefined;
    } else if (start === undefined) return;
    else if (/^\|{7}( |$)/.test(line) && middle === undefined && base === undefined) base = at;
    else if (/^={7}$/.test(line) && middle === undefined) middle = at;
    else if (/^>{7}( |$)/.test(line) && middle !== undefined) {
      found.push({ start, base, middle, end: at });
      start = undefined;
    }
  });
  return found;
}
