// The same suite in the desktop editor, through @vscode/test-electron, where its download works:
//   LIVEMOUNT_VSCODE=electron npm test
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runTests } from '@vscode/test-electron';
import { projectFolder } from './editor';
import type { RemoteHost } from './remoteHost';
import type { SuiteRun } from './suiteRun';

/** Runs the suite; its failures are in the report, anything else rejects. */
export async function runInDesktop(remote: RemoteHost, suite: SuiteRun): Promise<void> {
  const profile = await mkdtemp(path.join(tmpdir(), 'livemount-desktop-'));
  try {
    const workspace = path.join(profile, 'test.code-workspace');
    await writeFile(workspace, JSON.stringify({ folders: [{ uri: remote.folderUri }] }));
    await writeSettings(profile, remote.settings);
    await runTests({
      extensionDevelopmentPath: projectFolder,
      extensionTestsPath: suite.entry,
      extensionTestsEnv: { ...suite.env },
      launchArgs: [workspace, `--user-data-dir=${profile}`, '--disable-workspace-trust', '--no-sandbox'],
    }).catch((error: unknown) => {
      // A failed test makes the editor end with a status, too; then the report tells more.
      if (!(error instanceof Error) || !/Failed with|exit code/i.test(error.message)) throw error;
    });
  } finally {
    await rm(profile, { recursive: true, force: true });
  }
}

async function writeSettings(profile: string, settings: object): Promise<void> {
  await mkdir(path.join(profile, 'User'), { recursive: true });
  await writeFile(path.join(profile, 'User/settings.json'), JSON.stringify(settings));
}
