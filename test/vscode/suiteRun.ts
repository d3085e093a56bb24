// Runs the in-host suite and hands its report back: one subtest for each of its tests.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { build } from 'esbuild';
import { artifactsFolder, openEditor, projectFolder } from './editor';
import { MOUNTS, type RemoteHost } from './remoteHost';
import type { Outcome, Report } from './suite/runner';
import { SPEC_VARIABLE, type Spec } from './suite/spec';

/** The whole suite takes well under a minute on two cores; more means that the host hangs. */
const SUITE_DEADLINE_MS = 6 * 60_000;
const LOOK_EVERY_MS = 200;

export interface SuiteRun {
  /** The bundled entry, for extensionTestsPath. */
  readonly entry: string;
  /** For the extension host's environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly report: string;
}

/** Bundles the suite and writes down what it is to test. */
export async function prepareSuite(
  name: string,
  remote: RemoteHost,
  entryPoint = 'index.ts',
): Promise<SuiteRun> {
  const folder = path.join(artifactsFolder, name);
  await mkdir(folder, { recursive: true });
  const entry = path.join(folder, 'suite.js');
  await build({
    entryPoints: [path.join(projectFolder, 'test/vscode/suite', entryPoint)],
    outfile: entry,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['vscode'],
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  const report = path.join(folder, 'report.json');
  await writeFile(report, JSON.stringify({ outcomes: [], finished: false } satisfies Report));
  const spec: Spec = { host: remote.host, folder: remote.folder, report, mounts: MOUNTS };
  const specFile = path.join(folder, 'spec.json');
  await writeFile(specFile, JSON.stringify(spec));
  return { entry, report, env: { [SPEC_VARIABLE]: specFile } };
}

/** Runs a suite in a window of its own and reports it. */
export async function runSuite(context: TestContext, remote: RemoteHost, suite: SuiteRun): Promise<void> {
  await using _editor = await openEditor({
    folders: [remote.folderUri],
    extension: projectFolder,
    tests: suite.entry,
    settings: remote.settings,
    env: suite.env,
  });
  await reportSuite(context, suite);
}

/** Waits for the suite's end and turns its outcomes into subtests. */
export async function reportSuite(context: TestContext, { report }: SuiteRun): Promise<void> {
  const { outcomes, finished } = await finishedReport(report);
  for (const outcome of outcomes) await context.test(outcome.name, () => rethrow(outcome));
  if (!finished) {
    throw new Error(
      `the suite did not end within ${SUITE_DEADLINE_MS / 1000} s; ${outcomes.length} tests had`,
    );
  }
  if (outcomes.length === 0) throw new Error('the suite has no tests');
}

async function finishedReport(file: string): Promise<Report> {
  const deadline = Date.now() + SUITE_DEADLINE_MS;
  for (;;) {
    const report = await readReport(file);
    if (report.finished || Date.now() > deadline) return report;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** The report is rewritten in place; a reader that comes in between tries again. */
async function readReport(file: string): Promise<Report> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Report;
  } catch (error) {
    if (error instanceof SyntaxError) return { outcomes: [], finished: false };
    throw error;
  }
}

function rethrow({ error }: Outcome): void {
  if (error !== undefined) throw new Error(error);
}
