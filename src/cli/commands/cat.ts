import { withHost } from '../context';
import { parseLocation } from '../location';
import { type Command, ExitCode } from './types';

/** What one write to the pipe takes; so an interrupt is noticed in between. */
const CHUNK = 1 << 20;

export const cat: Command = {
  summary: 'write a file of the host to standard output',
  operands: ['HOST:/path'],
  options: [],
  run(context, [place = '']) {
    const location = parseLocation(place);
    const { path } = location;
    return withHost(context, location, async (vfs) => {
      const content = await vfs.readFile(path, { signal: context.signal });
      for (let at = 0; at < content.length && !context.stdout.isReaderGone; at += CHUNK) {
        await context.stdout.write(content.subarray(at, at + CHUNK));
      }
      return ExitCode.OK;
    });
  },
};
