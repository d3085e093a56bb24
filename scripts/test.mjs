// `npm test`: installs what the tests drive, runs every test file, ends with one line: `N passed, N failed`.
//   LIVEMOUNT_ONLY=test/client/**   only these files (glob; several with commas)
//   --portable                      only files that need nothing but Node, also on Windows and macOS
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { minimatch } from 'minimatch';
import { installPrograms } from './packages.mjs';
import { isPortable } from './portable.mjs';

process.chdir(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

/**
 * Tests that start daemons, make mounts or open a window: one file at a time, so that each has the machine.
 * The rest are pure or keep to their own folder and run side by side.
 */
const SERIAL = /^test\/(vscode|superblocks|trees|kernel)\/|fixtures\/|'mount'|inotify|spawn\(/;
const PARALLEL_FILES = 2;
/** A file that takes longer hangs; it is ended and counts as failed. */
const FILE_DEADLINE_MS = 8 * 60_000;

const onlyPortable = process.argv.includes('--portable');
const missing = onlyPortable ? [] : installPrograms((line) => console.log(line));
const files = selected(testFiles()).filter((file) => !onlyPortable || isPortable(file));
const runnable = files.filter((file) => {
  const lacking = missing.filter(({ tests }) => tests.test(file) || tests.test(readFileSync(file, 'utf8')));
  if (lacking.length > 0) {
    console.log(`not run: ${file} (it needs ${lacking.map((program) => program.package).join(', ')})`);
  }
  return lacking.length === 0;
});
const serial = runnable.filter((file) => SERIAL.test(file) || SERIAL.test(readFileSync(file, 'utf8')));
const parallel = runnable.filter((file) => !serial.includes(file));

const scratch = mkdtempSync(path.join(tmpdir(), 'livemount-tests-'));
try {
  const groups = [await runFiles(parallel, PARALLEL_FILES), await runFiles(serial, 1)];
  const passed = groups.reduce((sum, group) => sum + group.passed, 0);
  const failures = groups.flatMap((group) => group.failures);
  printSlowest(groups);
  for (const failure of failures) console.log(`failed: ${path.relative('.', failure)}`);
  const failed = groups.reduce((sum, group) => sum + group.failed, 0);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
  console.log(`${passed} passed, ${failed} failed`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Where the time went, for whoever wants the run to be shorter. */
function printSlowest(groups) {
  const files = groups.flatMap((group) => Object.entries(group.files ?? {}));
  const slowest = files.sort(([, a], [, b]) => b - a).slice(0, 10);
  for (const [file, ms] of slowest)
    console.log(`${(ms / 1000).toFixed(0).padStart(5)} s  ${path.relative('.', file)}`);
}

function testFiles() {
  return readdirSync('test', { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => path.posix.join('test', name.replaceAll(path.sep, '/')))
    .sort();
}

function selected(all) {
  const only = process.env.LIVEMOUNT_ONLY;
  if (!only) return all;
  return all.filter((file) => only.split(',').some((glob) => minimatch(file, glob)));
}

async function runFiles(group, concurrency) {
  if (group.length === 0) return { passed: 0, failed: 0, failures: [] };
  const tallyFile = path.join(scratch, `tally-${concurrency}.json`);
  const node = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      '--test',
      `--test-concurrency=${concurrency}`,
      `--test-timeout=${FILE_DEADLINE_MS}`,
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=./scripts/tally.mjs',
      `--test-reporter-destination=${tallyFile}`,
      ...group,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const [code] = await once(node, 'exit');
  const tally = readTally(tallyFile);
  // A runner that died without a failed test must not look like success.
  if (code !== 0 && tally.failed === 0) {
    return { ...tally, failed: 1, failures: [`the test runner ended with ${code}`] };
  }
  return tally;
}

function readTally(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, failures: ['the test runner ended without a report'] };
  }
}
