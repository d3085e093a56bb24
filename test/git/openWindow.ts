// The git part of the extension in a window that stands in for the editor, over a real agent and the git of this machine.
import type { TestContext } from 'node:test';
import { controls, fake, memento } from '../extension/support/fakeVscode';
import { activateGit } from '../../src/extension/git/git';
import type { OpenRepository } from '../../src/extension/git/openRepository';
import { Hosts } from '../../src/extension/hosts/hosts';
import { WindowLog } from '../../src/extension/show';
import { uriOf } from '../../src/extension/uris';
import { connected, type Setting } from '../client/support/hostAgent';
import { cleanEnv } from './localHost';

export const HOST = 'far';

/** A window with one folder of a host, in which git is at work. `find` waits until a repository is there. */
export async function openWindow(
  t: TestContext,
  options: {
    readonly folder?: (dir: string) => string;
    readonly lockstep?: boolean;
    readonly host?: string;
  } = {},
) {
  const { folder = (dir) => dir, lockstep = false, host = HOST } = options;
  const setting: Setting = await connected(t, { lockstep });
  setting.agent.login = {
    shell: '/bin/sh',
    env: { ...(cleanEnv as Record<string, string>), HOME: setting.dir, LIVEMOUNT: '1' },
  };
  const place = folder(setting.dir);
  const log = new WindowLog();
  fake.workspace.workspaceFolders = [{ uri: uriOf({ host, path: place }) as never, name: 'x' }];
  const connection = {
    vfs: setting.vfs,
    rung: 'agent',
    reason: 'a test',
    home: async () => setting.dir,
    asRoot: async () => setting.vfs,
    openTcp: () => Promise.reject(new Error('no network')),
  };
  const hosts = new Hosts(async () => connection as never, log);
  const secrets = { get: async () => undefined, store: async () => undefined, delete: async () => undefined };
  const git = activateGit(hosts, secrets as never, log);
  t.after(() => {
    git.dispose();
    hosts.dispose();
    fake.workspace.workspaceFolders = [];
  });
  return { ...setting, place, hosts, session: hosts.session(host), memento, roots };
}

/** The work trees that the view shows. */
export function roots(): string[] {
  return [...controls.values()].map(({ rootUri }) => rootUri?.path ?? '').sort();
}

export type { OpenRepository };
