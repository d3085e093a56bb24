import { withEach } from '../context';
import { parseLocation } from '../location';
import { printable } from '../text';
import { type Command, ExitCode } from './types';

/** What one write to the pipe takes; so an interrupt is noticed in between. */
const CHUNK = 1 << 20;

export const cat: Command = {
  summary: 'write files of the host to standard output',
  operands: [{ word: 'HOST:PATH', many: true }],
  options: [],
  async run(context, places) {
    const { signal, stdout, meter } = context;
    const done = await withEach(context, places.map(parseLocation), async (vfs, path) => {
      const content = await meter.during(printable(path), 'bytes', (progress) =>
        vfs.readFile(path, { signal, progress }),
      );
      for (let at = 0; at < content.length && !stdout.isReaderGone; at += CHUNK) {
        await stdout.write(content.subarray(at, at + CHUNK));
      }
    });
    return done ? ExitCode.OK : ExitCode.FAILED;
  },
};
