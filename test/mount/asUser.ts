// asUser.ts FOLDER DIRECTORY: mounts a folder that an agent of its own serves, until a line of standard input says so.
import { createInterface } from 'node:readline';
import { connectTree } from '../../src/client/connect';
import { MountError } from '../../src/mount/kernel/mountError';
import { openLiveMount } from '../../src/mount/liveMount';
import { FEATURE_KERNEL } from '../../src/protocol/livemount';
import { StdioAgent } from '../client/support/stdioAgent';

async function main([path = '', directory = '']: readonly string[]): Promise<void> {
  const agent = new StdioAgent();
  const tree = await connectTree(agent, { features: FEATURE_KERNEL });
  try {
    const mount = await openLiveMount(tree, {
      path,
      directory,
      source: `test:${path}`,
      readOnly: false,
      log: (line) => void process.stderr.write(`${line}\n`),
    });
    process.stdout.write('mounted\n');
    createInterface({ input: process.stdin }).on('line', () => {
      mount.unmount(false).catch((error) => process.stderr.write(`${String(error)}\n`));
    });
    await mount.ended;
  } finally {
    tree.dispose();
    agent.dispose();
    process.stdin.destroy();
  }
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${error instanceof MountError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
});
