import type { Clock } from '../base/clock';
import { fitTerminalLine } from '../base/fitToShow';
import type { Progress } from '../client/vfs';
import { durationText, sizeText } from './format';

/** A terminal line that is drawn over and over. */
export interface Screen {
  /** Columns of the terminal at this moment. */
  readonly columns: number;
  write(text: string): void;
}

/** What ends sooner is not worth a line. */
const PATIENCE_MS = 1000;
/** Fast enough to be seen moving, slow enough to be read. */
const REDRAW_MS = 200;

/** Shows how far a transfer is, on a terminal, once it takes longer than a second. One transfer at a time. */
export class Meter {
  private drawn = false;
  private lastDrawnAt = 0;

  constructor(
    private readonly screen: Screen | undefined,
    private readonly clock: Clock,
  ) {}

  /** Does the work, and shows its progress. `what` says it in a word or two: a name. */
  async during<T>(
    what: string,
    unit: 'bytes' | 'entries',
    work: (progress: Progress) => Promise<T>,
  ): Promise<T> {
    const { clock } = this;
    const began = clock.now();
    let state = { done: 0, total: 0 };
    const draw = () => {
      const passed = clock.now() - began;
      if (passed < PATIENCE_MS || (this.drawn && clock.now() - this.lastDrawnAt < REDRAW_MS)) return;
      this.draw(lineOf(what, unit, state.done, state.total, passed));
    };
    let next = { dispose: () => {} };
    const tick = () => {
      draw();
      next = clock.after(PATIENCE_MS, tick);
    };
    if (this.screen !== undefined) next = clock.after(PATIENCE_MS, tick);
    try {
      return await work((done, total) => {
        state = { done, total };
        if (this.screen !== undefined) draw();
      });
    } finally {
      next.dispose();
      this.clear();
    }
  }

  /** Takes the line away, so that something else can be said; the next progress draws it again. */
  clear(): void {
    if (!this.drawn) return;
    this.drawn = false;
    this.screen?.write('\r\u001b[K');
  }

  private draw(line: string): void {
    if (this.screen === undefined) return;
    const width = Math.max(this.screen.columns - 1, 20);
    this.drawn = true;
    this.lastDrawnAt = this.clock.now();
    this.screen.write(`\r\u001b[K${fitTerminalLine(line, width)}`);
  }
}

function lineOf(
  what: string,
  unit: 'bytes' | 'entries',
  done: number,
  total: number,
  passedMs: number,
): string {
  const amount = (value: number) => (unit === 'bytes' ? sizeText(BigInt(value)) : `${value}`);
  const known = total > 0 && total >= done;
  const share = known ? `${Math.floor((done / total) * 100)}%`.padStart(4) : '';
  const far = known ? `${amount(done)} of ${amount(total)}` : done > 0 ? amount(done) : '';
  const perSecond = done / (passedMs / 1000);
  const rate = done > 0 && unit === 'bytes' ? `${sizeText(BigInt(Math.round(perSecond)))}/s` : '';
  const left = known && perSecond > 0 ? `${durationText((total - done) / perSecond)} left` : '';
  const facts = [share, far, rate, left].filter((text) => text !== '').join('  ');
  return facts === '' ? `${what}  ${durationText(passedMs / 1000)}` : `${facts}  ${what}`;
}
