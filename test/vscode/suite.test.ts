import { test } from 'node:test';
import { runInDesktop } from './electron';
import { startRemoteHost } from './remoteHost';
import { prepareSuite, reportSuite, runSuite } from './suiteRun';

test('the extension in a real VS Code, over a real sshd', async (context) => {
  const remote = await startRemoteHost();
  try {
    const suite = await prepareSuite('suite', remote);
    if (process.env.LIVEMOUNT_VSCODE === 'electron') {
      await runInDesktop(remote, suite);
      await reportSuite(context, suite);
      return;
    }
    await runSuite(context, remote, suite);
  } finally {
    remote.dispose();
  }
});
