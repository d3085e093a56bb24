// The entry that VS Code's extension host runs (extensionTestsPath), in code-server and in the desktop editor alike.
import './operations';
import './watching';
import './editing';
import './mounts';
import './badInput';
import './git';
import './find';
import { runAll } from './runner';
import { readSpec } from './spec';

export async function run(): Promise<void> {
  const { outcomes } = await runAll(readSpec().report);
  const failed = outcomes.filter((outcome) => outcome.error !== undefined);
  if (failed.length > 0) throw new Error(`${failed.length} of ${outcomes.length} tests failed`);
}
