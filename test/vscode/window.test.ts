import { test } from 'node:test';
import { openEditor, projectFolder } from './editor';
import { startRemoteHost } from './remoteHost';
import { windowTour } from './windowTour';

test('a window on a remote folder', async (context) => {
  const remote = await startRemoteHost();
  try {
    await using editor = await openEditor({
      folders: [remote.folderUri],
      extension: projectFolder,
      settings: remote.settings,
    });
    try {
      await windowTour(context, editor, remote, 'window');
    } finally {
      await editor.screenshot('window-end');
    }
  } finally {
    remote.dispose();
  }
});
