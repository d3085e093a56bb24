import { test } from 'node:test';
import { runInDesktop } from './electron';
import { openEditor, projectFolder } from './editor';
import { startRemoteHost } from './remoteHost';
import { prepareSuite, reportSuite } from './suiteRun';

test('the extension in a real VS Code, over a real sshd', async (context) => {
  const remote = await startRemoteHost();
  try {
    const suite = await prepareSuite('suite', remote);
    if (process.env.LIVEMOUNT_VSCODE === 'electron') {
      await runInDesktop(remote, suite);
      await reportSuite(context, suite);
      return;
    }
    await using _editor = await openEditor({
      folders: [remote.folderUri],
      extension: projectFolder,
      tests: suite.entry,
      settings: remote.settings,
      env: suite.env,
    });
    await reportSuite(context, suite);
  } finally {
    remote.dispose();
  }
});
