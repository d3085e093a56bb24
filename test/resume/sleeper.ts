// A client that can be put to sleep, as a program of its own. It takes commands and tells, a line of JSON each.
import { createInterface } from 'node:readline';
import { connectVfs } from '../../src/client/connect';
import { openHost } from '../../src/ssh/host';
import { realAgent } from '../ssh/realAgent';

/** What it was started for, as its one argument. */
export interface SleeperTask {
  readonly target: string;
  readonly configFile: string;
  readonly folder: string;
  readonly keepaliveMs: number;
  readonly deadlineMs: number;
}

/** What it tells. */
export type SleeperWord =
  | { readonly word: 'ready'; readonly daemon?: number | undefined }
  | { readonly word: 'state'; readonly state: string; readonly reason: string }
  | { readonly word: 'changed'; readonly path: string }
  | { readonly word: 'read'; readonly outcome: string }
  | { readonly word: 'saved'; readonly outcome: string };

const tell = (word: SleeperWord) => process.stdout.write(`${JSON.stringify(word)}\n`);

async function main(task: SleeperTask): Promise<void> {
  const { target, configFile, folder, keepaliveMs, deadlineMs } = task;
  const agent = await realAgent(`sleeper ${process.pid} ${folder}`);
  const link = await openHost(target, { configFile, payload: agent.payload, graceS: 60 });
  tell({ word: 'ready', daemon: link.daemon?.pid });
  const vfs = await connectVfs(link, { keepaliveMs, deadlineMs, graceS: 60 });
  vfs.onStateChange((state, reason) => tell({ word: 'state', state, reason }));
  await vfs.watch(folder, { recursive: true }, (changes) => {
    for (const { path } of changes) tell({ word: 'changed', path });
  }).ready;
  await vfs.stat(`${folder}/file`);

  /** Asks to read one file and to make another, and falls asleep as soon as both have left. */
  const askAndSleep = () => {
    vfs.readFile(`${folder}/file`).then(
      (content) => tell({ word: 'read', outcome: content.toString() }),
      (error) => tell({ word: 'read', outcome: String(error) }),
    );
    vfs
      .writeFile(`${folder}/saved`, Buffer.from('saved'), { create: true, overwrite: false, expect: 'any' })
      .then(
        () => tell({ word: 'saved', outcome: 'ok' }),
        (error) => tell({ word: 'saved', outcome: String(error) }),
      );
    setImmediate(() => process.kill(process.pid, 'SIGSTOP'));
  };
  const commands = createInterface({ input: process.stdin });
  commands.on('line', askAndSleep);
  commands.on('close', () => {
    vfs.dispose();
    agent.dispose();
  });
  tell({ word: 'state', state: 'watching', reason: '' });
}

if (require.main === module) void main(JSON.parse(process.argv[2] ?? '') as SleeperTask);
