// The entry for what runs on the host alone (extensionTestsPath).
import './running';
import { runAll } from './runner';
import { readSpec } from './spec';

export async function run(): Promise<void> {
  const { outcomes } = await runAll(readSpec().report);
  const failed = outcomes.filter((outcome) => outcome.error !== undefined);
  if (failed.length > 0) throw new Error(`${failed.length} of ${outcomes.length} tests failed`);
}
