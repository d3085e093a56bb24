// The git part of the extension, whole, in a window that stands in for the editor, over ssh and a proxy.
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { controls, fake, providers, registered } from '../../test/extension/support/fakeVscode';
import type { Vfs } from '../../src/client/vfs';
import { activateGit } from '../../src/extension/git/git';
import { Hosts } from '../../src/extension/hosts/hosts';
import { WindowLog } from '../../src/extension/show';
import { uriOf } from '../../src/extension/uris';
import { CHANGED, type Spec, type Took, until } from './spec';

const OPENED_WITHIN_MS = 120_000;

/** The same work as builtin.ts does, with a host that `vfs` is connected to. */
export async function measureOurs(vfs: Vfs, host: string, spec: Omit<Spec, 'report'>): Promise<Took> {
  const took: Took = { follow: [], refresh: [], diff: [], stage: [] };
  const { root, patience, repetitions, stage } = spec;
  fake.workspace.workspaceFolders = [{ uri: uriOf({ host, path: root }) as never, name: 'bench' }];
  const log = new WindowLog();
  const hosts = new Hosts(async () => ({ vfs, rung: 'agent', reason: '' }) as never, log);
  const secrets = { get: async () => undefined, store: async () => undefined, delete: async () => undefined };
  const git = activateGit(hosts, secrets as never, log);
  const run = (id: string) => registered.get(id)?.(control());
  const control = () => [...controls.values()].find(({ rootUri }) => rootUri?.path === root);
  const count = () => control()?.count ?? -1;
  try {
    await hosts.session(host).vfs();
    // The new files are there from the start.
    const rest = 1;
    if ((await until(() => count() === rest, OPENED_WITHIN_MS)) === undefined)
      throw new Error(`the repository is not in the view, or has other changes: ${count()}`);
    const shell = (...args: string[]) => execFileSync('git', args, { cwd: spec.changedAt });
    const at = (ref: string) =>
      uriOf({ host, path: join(root, CHANGED) }).with({
        scheme: 'livemount-git',
        query: JSON.stringify({ ref, root }),
      });
    for (let turn = 0; turn < repetitions; turn++) {
      await run('livemount.git.refresh');
      const began = performance.now();
      appendFileSync(join(spec.changedAt, CHANGED), `${turn}\n`);
      const followed = await until(() => count() > rest, patience);
      took.follow.push(followed === undefined ? undefined : performance.now() - began);
      const refreshing = performance.now();
      await run('livemount.git.refresh');
      took.refresh.push(count() > rest ? performance.now() - refreshing : undefined);
      const opening = performance.now();
      // Both sides at once, as the editor asks for them.
      await Promise.all([
        providers.get('livemount-git')?.readFile(at('')),
        vfs.readFile(join(root, CHANGED)),
      ]);
      took.diff.push(performance.now() - opening);
      shell('checkout', '-q', '--', CHANGED);
      await until(() => count() === rest, patience);
    }
    for (let turn = 0; turn < Math.min(3, repetitions); turn++) {
      const began = performance.now();
      await run('livemount.git.stageAll');
      const seen = await until(() => count() >= stage.length, patience);
      took.stage.push(seen === undefined ? undefined : performance.now() - began);
      shell('reset', '-q');
      await until(() => count() === rest, patience);
    }
    return took;
  } finally {
    git.dispose();
    hosts.dispose();
  }
}
