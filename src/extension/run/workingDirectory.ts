const ESCAPE = '\x1b';
const BELL = '\x07';
/** A mark is no longer than this: PATH_MAX, with every byte written as four. */
const MARK_BYTES = 16 << 10;

/** The folder that the shell in a terminal says it is in (OSC 633;P;Cwd=), as its output goes by. */
export class WorkingDirectory {
  private pending = '';

  constructor(private current: string) {}

  get path(): string {
    return this.current;
  }

  take(text: string): void {
    const all = this.pending + text;
    const start = `${ESCAPE}]633;P;Cwd=`;
    let at = 0;
    this.pending = '';
    for (;;) {
      const mark = all.indexOf(start, at);
      if (mark < 0) break;
      const end = all.indexOf(BELL, mark);
      if (end < 0) {
        if (all.length - mark < MARK_BYTES) this.pending = all.slice(mark);
        return;
      }
      const path = unescaped(all.slice(mark + start.length, end));
      if (path.startsWith('/')) this.current = path;
      at = end;
    }
    // A mark may begin in this piece and go on in the next.
    const last = all.lastIndexOf(ESCAPE);
    if (last >= at && start.startsWith(all.slice(last))) this.pending = all.slice(last);
  }
}

function unescaped(text: string): string {
  return text.replace(/\\(?:\\|x([0-9a-f]{2}))/g, (_, hex: string | undefined) =>
    hex === undefined ? '\\' : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
