// Saves files without end until it is killed: saver.ts FOLDER RUN-FOLDER STATE-FOLDER WAY
import { randomBytes } from 'node:crypto';
import { mayBeAlive, processName } from '../../../src/agent/processIdentity';
import { Saves } from '../../../src/server/save/saves';
import { FaultHostFs } from '../../fixtures/faultHostFs';
import { openHost } from '../places';
import { optionsFor, SaveClient } from '../saveClient';
import { ways } from '../ways';
import { contentOf } from './wholeContent';

async function main(): Promise<void> {
  const [folder = '', runFolder = '', stateFolder = '', way = ''] = process.argv.slice(2);
  const { host } = new FaultHostFs(openHost(), ways[way]?.lack);
  const options = optionsFor({
    runFolder: Buffer.from(runFolder),
    stateFolder: Buffer.from(stateFolder),
    owner: processName(),
    isAlive: mayBeAlive,
    random: randomBytes,
  });
  const saves = new Saves(host, options, { homeTrash: undefined, uid: 0, now: () => new Date() });
  const client = new SaveClient(host, folder, saves);
  process.stdout.write('saving\n');
  for (let n = 1; ; n++) {
    await client.save('a', contentOf(n), ways[way]?.how);
    if (ways[way]?.isNew) await client.do('UNLINK', await client.walk(''), undefined, ['a']);
    // The event loop has to live, as an agent's does.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

void main();
