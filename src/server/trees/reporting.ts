import type { Request } from '../../protocol/message';
import type { ClientState } from '../connection/handler';

/** Between two PROGRESS notifications of one request, in ms: as often as an eye can follow. */
const INTERVAL_MS = 100;

/** Reports to the client how far a request has come, not more often than it is worth. */
export class Reporting {
  private last = performance.now();

  constructor(
    private readonly session: ClientState,
    private readonly request: Request,
  ) {}

  report(done: number, total: number): void {
    const now = performance.now();
    if (now - this.last < INTERVAL_MS) return;
    this.last = now;
    this.session.progress(this.request, done, total);
  }
}
