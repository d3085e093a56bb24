import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { connectVfs } from '../../src/client/connect';
import type { Vfs } from '../../src/client/vfs';
import { HostAgent, WireLink } from '../client/support/hostAgent';
import { StdioAgent } from '../client/support/stdioAgent';
import { TestMounts } from '../fixtures/mounts';
import { HangingMount } from './hangingMount';

/** A client of an agent in this process, and mounts of this machine that come and go. */
export async function mountingHost(t: TestContext): Promise<{ vfs: Vfs; mounts: TestMounts }> {
  const mounts = new TestMounts();
  const agent = new HostAgent();
  const vfs = await connectVfs(new WireLink(agent, false));
  t.after(async () => {
    vfs.dispose();
    await agent.close();
    mounts.dispose();
  });
  return { vfs, mounts };
}

/** Files of a tree: their content by their paths below it. */
type Files = Readonly<Record<string, string>>;

/** A client of an agent process, and a folder with files of which those below `at` lie on a mount that can hang. */
export async function hangingWorkspace(
  t: TestContext,
  { beside, at, inside }: { readonly beside: Files; readonly at: string; readonly inside: Files },
): Promise<{ vfs: Vfs; mount: HangingMount; work: string }> {
  const top = mkdtempSync(path.join(realpathSync(tmpdir()), 'livemount-hang-'));
  const [backing, work] = ['backing', 'work'].map((name) => path.join(top, name)) as [string, string];
  writeFiles(work, beside);
  writeFiles(backing, inside);
  const mount = await HangingMount.of(backing, path.join(work, at));
  const agent = new StdioAgent();
  const vfs = await connectVfs(agent, { modeOf: () => 'none' });
  t.after(async () => {
    mount.dispose();
    vfs.dispose();
    await agent.ended();
    rmSync(top, { recursive: true, force: true });
  });
  return { vfs, mount, work };
}

function writeFiles(folder: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}
