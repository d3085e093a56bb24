import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { detach } from '../../mount/kernel/attach';
import { liveMounts } from '../../mount/kernel/liveMounts';
import { MountError } from '../../mount/kernel/mountError';
import { Errno, errnoOf } from '../../protocol/errno';
import { Failure } from '../errors';
import { type Command, ExitCode } from './types';

export const umount: Command = {
  summary: 'take a mount of `livemount mount` away',
  operands: [{ word: 'DIR' }],
  options: ['lazy'],
  notes: ['It works whatever the state of the link to the host.'],
  async run(context, [directory = '']) {
    const place = placeOf(directory);
    if (!liveMounts().some((mounted) => mounted.directory === place))
      throw new Failure(`${directory}: nothing is mounted there by livemount`);
    try {
      await detach(place, context.flags.lazy === true);
      return ExitCode.OK;
    } catch (error) {
      if (error instanceof MountError) throw new Failure(error.message);
      if (errnoOf(error) === Errno.EBUSY)
        throw new Failure(`${directory}: a program works in it; end it first, or use --lazy`);
      throw error;
    }
  },
};

/** As the mount table has it. The last name is not looked at: that would ask whoever serves the mount. */
function placeOf(directory: string): string {
  const whole = resolve(directory);
  try {
    return join(realpathSync(dirname(whole)), basename(whole));
  } catch {
    return whole;
  }
}
