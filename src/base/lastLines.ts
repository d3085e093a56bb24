/** Enough for what a program says before it gives up, and little enough for a message. */
const KEPT = 2000;

/**
 * The end of what another program prints, for a message about its failure; and its lines, one by one, for a log. Text
 * comes in pieces as they arrive and is passed on as data: whoever shows it makes it fit to show. Lines are cut to the
 * same length as what is kept.
 */
export class LastLines {
  private kept = '';
  private partial = '';

  /** @param onLine is called with each complete line that is not empty. */
  constructor(private readonly onLine?: (line: string) => void) {}

  /** Takes the next piece of text. */
  readonly push = (text: string): void => {
    this.kept = `${this.kept}${text}`.slice(-KEPT);
    const lines = `${this.partial}${text}`.split('\n');
    this.partial = (lines.pop() ?? '').slice(-KEPT);
    for (const line of lines) this.report(line);
  };

  /** The program ended: what stands in its last line without an end is a line as well. */
  end(): void {
    const last = this.partial;
    this.partial = '';
    this.report(last);
  }

  /** The last lines as one text; empty if nothing was printed. */
  get text(): string {
    return this.kept.trim();
  }

  private report(line: string): void {
    const text = line.trimEnd().slice(-KEPT);
    if (text !== '') this.onLine?.(text);
  }
}
