// The smallest runner that can live inside VS Code's extension host: no dependency, one JSON file as its report.
import { writeFileSync } from 'node:fs';

/** How one test of the suite ended; the outer node:test process turns each into a subtest. */
export interface Outcome {
  readonly name: string;
  readonly ms: number;
  /** The stack of what it threw; absent when it passed. */
  readonly error?: string;
}

export interface Report {
  readonly outcomes: readonly Outcome[];
  /** False until the last test has ended: a report that stays unfinished means that the host died. */
  readonly finished: boolean;
}

interface Test {
  readonly name: string;
  readonly body: () => Promise<void> | void;
}

/** No test of the suite waits longer than this; most take well under a second. */
const TEST_DEADLINE_MS = 45_000;

const tests: Test[] = [];

/** Registers a test; they run in order, each after the end of the one before. */
export function test(name: string, body: () => Promise<void> | void): void {
  tests.push({ name, body });
}

/** Runs everything registered and keeps the report at `file` up to date after each test. */
export async function runAll(file: string): Promise<Report> {
  const outcomes: Outcome[] = [];
  const save = (finished: boolean): Report => {
    const report = { outcomes, finished };
    writeFileSync(file, JSON.stringify(report));
    return report;
  };
  save(false);
  for (const { name, body } of tests) {
    const start = performance.now();
    const error = await failureOf(body);
    const ms = Math.round(performance.now() - start);
    outcomes.push(error === undefined ? { name, ms } : { name, ms, error });
    save(false);
  }
  return save(true);
}

async function failureOf(body: Test['body']): Promise<string | undefined> {
  let deadline: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      deadline = setTimeout(() => reject(new Error(`no end after ${TEST_DEADLINE_MS} ms`)), TEST_DEADLINE_MS);
    });
    await Promise.race([Promise.resolve().then(body), late]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } finally {
    clearTimeout(deadline);
  }
}
