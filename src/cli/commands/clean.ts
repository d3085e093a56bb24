import { formatTarget } from '../../ssh/config/target';
import { Failure } from '../errors';
import { sizeText } from '../format';
import { parseLocationOrHost } from '../location';
import { printable } from '../text';
import { UsageError } from '../usageError';
import { type Command, ExitCode } from './types';

export const clean: Command = {
  summary: 'remove what Livemount keeps on the host, after asking',
  operands: [{ word: 'HOST' }],
  options: ['yes'],
  notes: [
    'That is the agent in its versions, the Node.js that was uploaded for it, and notes of what it does. Agents of your user are ended; windows that are connected start a new one. Nothing else of the host is touched, and the next connection brings what it needs.',
  ],
  async run(context, [place = '']) {
    const { target, path, fromHome } = parseLocationOrHost(place);
    if (path !== '/' || fromHome) throw new UsageError('clean takes a host, without a path');
    const name = formatTarget(target);
    const { flags, signal, stdout } = context;
    const cleaning = await context.cleaning({
      target: name,
      flags,
      signal,
      log: (level, line) => context.log(level, line),
    });
    try {
      const { folders, agents, unfinished } = cleaning;
      if (folders.length === 0) {
        await stdout.write(`${name}: nothing of Livemount is there\n`);
        return ExitCode.OK;
      }
      for (const { path, kilobytes } of folders) {
        await stdout.write(`${printable(path)}: ${sizeText(BigInt(kilobytes) * 1024n)}\n`);
      }
      if (agents.length > 0) {
        await stdout.write(`agents that run: ${agents.length}; whoever is connected has to connect again\n`);
      }
      if (unfinished.length > 0) {
        await stdout.write(
          'notes of saves: of those that did not end, what was kept of the files cannot be restored without\n',
        );
      }
      if (!(await isWanted(context, name))) {
        await stdout.write('nothing was removed\n');
        return ExitCode.FAILED;
      }
      const left = await cleaning.remove();
      for (const path of left) context.say(`${path}: something else lies in it; it stays`);
      await stdout.write('removed\n');
      return ExitCode.OK;
    } finally {
      cleaning.dispose();
    }
  },
};

async function isWanted({ flags, confirm }: Parameters<Command['run']>[0], name: string): Promise<boolean> {
  if (flags.yes) return true;
  if (confirm === undefined)
    throw new Failure('there is no terminal to ask on; -y removes it without asking');
  return confirm(`Remove all of it from ${name}`);
}
