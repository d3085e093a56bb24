// One save, told as JSON, in a process of its own (another user's, say): saveOnce.ts FOLDER NAME CONTENT STATE-FOLDER
import { errnoName, errnoOf } from '../../../src/protocol/errno';
import { Saves } from '../../../src/server/save/saves';
import { openHost } from '../places';
import { optionsFor, SaveClient } from '../saveClient';

async function main(): Promise<void> {
  const [folder = '', name = '', content = '', state = ''] = process.argv.slice(2);
  const host = openHost();
  const stateFolder = state === '' ? undefined : Buffer.from(state);
  const trash = { homeTrash: undefined, uid: process.getuid?.() ?? 0, now: () => new Date() };
  const client = new SaveClient(host, folder, new Saves(host, optionsFor({ stateFolder }), trash));
  try {
    const { how } = await client.save(name, content);
    process.stdout.write(JSON.stringify({ how }));
  } catch (error) {
    process.stdout.write(JSON.stringify({ error: errnoName(errnoOf(error)) }));
  }
}

void main();
