// What the extension asks and tells: opening a folder by browsing, trusting a host, and what goes wrong on the way.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { type Editor, type EditorOptions, openEditor, projectFolder, shows } from './editor';
import { type RemoteHost, startRemoteHost } from './remoteHost';
import { TcpProxy } from '../fixtures/proxy';

/** A window on some folders of a host, for as long as `look` runs. */
async function inWindow(
  name: string,
  folders: (remote: RemoteHost) => readonly string[] | Promise<readonly string[]>,
  look: (editor: Editor, remote: RemoteHost) => Promise<unknown>,
  open: EditorOptions['open'] = 'workspace',
): Promise<void> {
  const remote = await startRemoteHost();
  try {
    await using editor = await openEditor({
      folders: await folders(remote),
      extension: projectFolder,
      settings: remote.settings,
      open,
    });
    try {
      await editor.activityIcon.waitFor();
      await look(editor, remote);
    } finally {
      await editor.screenshot(`dialogs-${name}`);
    }
  } finally {
    remote.dispose();
  }
}

test('a folder is opened by picking a host and browsing to it', () =>
  inWindow(
    'open-folder',
    () => [],
    async (editor, remote) => {
      await editor.command('Livemount: Open Folder…');
      const input = editor.page.locator('.quick-input-widget input[type="text"]');
      const title = (text: string) => editor.page.locator('.quick-input-title', { hasText: text });
      await shows(editor.page.locator('.quick-input-list .monaco-list-row', { hasText: 'remote' }).first());
      await input.fill('remot');
      await editor.page.keyboard.press('Enter');
      await shows(title('remote: /'));
      const parent = path.dirname(remote.folder);
      await input.fill(`${parent}/pro`);
      await shows(editor.page.locator('.quick-input-list .monaco-list-row', { hasText: 'project' }).first());
      await editor.screenshot('dialogs-browsing');
      await editor.page.keyboard.press('Tab');
      await shows(title(`remote: ${remote.folder}`));
      await editor.screenshot('dialogs-completed');
      await editor.page.keyboard.press('Enter');
      await shows(editor.row('README.md'));
    },
  ));

test('a host whose key is not known is shown with its fingerprint, and opens once it is trusted', () =>
  inWindow(
    'unknown-host-key',
    (remote) => {
      remote.sshd.addHost('stranger', {
        HostKeyAlias: 'stranger',
        UserKnownHostsFile: '/dev/null',
        StrictHostKeyChecking: 'ask',
      });
      return [`livemount://stranger${remote.folder}`];
    },
    async (editor) => {
      const dialog = editor.page.locator('.monaco-dialog-box');
      await shows(dialog.getByText('stranger is not known yet'));
      await shows(dialog.getByText('SHA256:', { exact: false }));
      await editor.screenshot('dialogs-host-key');
      // Enter copies the fingerprint, and the question stands.
      await editor.page.keyboard.press('Enter');
      await shows(dialog.getByText('stranger is not known yet'));
      await dialog.getByText('Trust This Key').click();
      await shows(editor.row('README.md'));
    },
  ));

test('a key that the host refuses is told with what was tried', () =>
  inWindow(
    'refused-key',
    (remote) => {
      remote.sshd.addHost('closed', { IdentityFile: '/nonexistent' });
      return [`livemount://closed${remote.folder}`];
    },
    (editor) => editor.told(/closed did not let/),
  ));

test('a host where nobody listens is told, and “Reconnect” finds it when it is back', async () => {
  let proxy: TcpProxy | undefined;
  try {
    await inWindow(
      'unreachable',
      async ({ sshd, folder }) => {
        proxy = await TcpProxy.start({ targetPort: sshd.port });
        proxy.refuse();
        sshd.addHost('down', { Port: `${proxy.port}` });
        return [`livemount://down${folder}`];
      },
      async (editor) => {
        const message = await editor.told(/can’t reach down/);
        proxy?.refuse(false);
        await message.getByText('Reconnect').click();
        await shows(editor.row('README.md'));
      },
    );
  } finally {
    proxy?.dispose();
  }
});

test('a connection that drops comes back by itself, with what happened meanwhile', async () => {
  let proxy: TcpProxy | undefined;
  try {
    await inWindow(
      'drop',
      async ({ sshd, folder }) => {
        proxy = await TcpProxy.start({ targetPort: sshd.port });
        sshd.addHost('shaky', { Port: `${proxy.port}` });
        return [`livemount://shaky${folder}`];
      },
      async (editor, remote) => {
        const status = (text: string | RegExp) => editor.page.locator('.statusbar-item', { hasText: text });
        await shows(editor.row('README.md'));
        await shows(status(/shaky [\d.]+ ms/));
        proxy?.refuse();
        proxy?.cut();
        await shows(status('shaky reconnecting'));
        writeFileSync(path.join(remote.folder, 'meanwhile.txt'), '');
        await editor.screenshot('dialogs-reconnecting');
        proxy?.refuse(false);
        await shows(status(/shaky [\d.]+ ms/));
        await shows(editor.row('meanwhile.txt'));
      },
    );
  } finally {
    proxy?.dispose();
  }
});

test('a file in place of a folder is told', () =>
  inWindow(
    'file-not-folder',
    (remote) => [`${remote.folderUri}/README.md`],
    (editor) => editor.told(/is a file, not a folder/),
  ));

test('a wrong path is told, and another folder can be opened', () =>
  inWindow(
    'wrong-path',
    (remote) => [`${remote.folderUri}/no/such/folder`],
    async (editor) => {
      const message = await editor.told(/no\/such\/folder/);
      await shows(message.getByText('Open Folder…'));
    },
  ));

test('a host can be disconnected and connected again', () =>
  inWindow(
    'disconnect',
    (remote) => [remote.folderUri],
    async (editor) => {
      const status = (text: string | RegExp) => editor.page.locator('.statusbar-item', { hasText: text });
      await shows(editor.row('README.md'));
      await shows(status(/remote [\d.]+ ms/));
      await editor.command('Livemount: Disconnect');
      await shows(status('remote disconnected'));
      await editor.command('Livemount: Reconnect');
      await shows(status(/remote [\d.]+ ms/));
      await shows(editor.row('README.md'));
    },
  ));

test('the window’s title is the folder, and no placeholder of ours is left in it', () =>
  inWindow(
    'title',
    (remote) => [remote.folderUri],
    async (editor) => {
      await shows(editor.row('README.md'));
      await shows(editor.page.locator('.window-title, .command-center', { hasText: 'project' }).first());
      assert.doesNotMatch(await editor.page.title(), /\$\{/);
    },
    'folder',
  ));

test('a window whose host was not there heals by itself once it is, without a dialog and without a click', async () => {
  let proxy: TcpProxy | undefined;
  try {
    await inWindow(
      'heals',
      async ({ sshd, folder }) => {
        proxy = await TcpProxy.start({ targetPort: sshd.port });
        proxy.refuse();
        sshd.addHost('late', { Port: `${proxy.port}` });
        return [`livemount://late${folder}`];
      },
      async (editor) => {
        await editor.told(/can’t reach late/);
        await shows(
          editor.page.locator('.statusbar-item', { hasText: /late (?:connection failed|connecting)/ }),
        );
        await editor.screenshot('dialogs-not-there');
        assert.equal(await editor.page.locator('.monaco-dialog-box').count(), 0);
        proxy?.refuse(false);
        await shows(editor.row('README.md'));
        await shows(editor.page.locator('.statusbar-item', { hasText: /late [\d.]+ ms/ }));
      },
      'folder',
    );
  } finally {
    proxy?.dispose();
  }
});

test('who says no to deleting what is mounted in a folder is not asked again, and the folder stays', () =>
  inWindow(
    'delete-mounts',
    (remote) => [remote.folderUri],
    async (editor, remote) => {
      const { page } = editor;
      const dialog = page.locator('.monaco-dialog-box');
      await shows(editor.row('mounts'));
      await editor.row('mounts').click();
      await page.keyboard.press('Shift+Delete');
      await dialog.getByText('Delete', { exact: true }).click();
      await shows(dialog.getByText('Other filesystems are mounted'));
      await editor.screenshot('dialogs-mounted-in');
      await dialog.getByText('Cancel', { exact: true }).click();
      await dialog.waitFor({ state: 'hidden' });
      await shows(editor.row('mounts'));
      await page.waitForTimeout(1000);
      assert.equal(await dialog.count(), 0);
      assert.ok(existsSync(path.join(remote.folder, 'mounts/disk')));
    },
  ));
