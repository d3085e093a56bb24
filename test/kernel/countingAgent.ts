/**
 * The agent with a window: serves like `agent.js serve --stdio`, and on SIGUSR2 writes how many inodes and handles
 * its client holds to the file of LIVEMOUNT_COUNTS. Run with tsx.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { MountTable } from '../../src/agent/posix/mountTable';
import { PosixHostFs } from '../../src/agent/posix/posixHostFs';
import { standardInput, standardOutput } from '../../src/agent/standardStream';
import { ErrnoError } from '../../src/protocol/errno';
import type { Agreement } from '../../src/server/connection/handler';
import { fuseHandlers } from '../../src/server/ops';
import { Server, type ServerOptions } from '../../src/server/connection/server';
import type { FuseSession } from '../../src/server/connection/session';
import { SessionKeeper } from '../../src/server/connection/sessionKeeper';

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: { stdio: { type: 'boolean' }, root: { type: 'string' } },
});
const counts = process.env.LIVEMOUNT_COUNTS;
if (values.root === undefined || counts === undefined) throw new Error('needs --root and LIVEMOUNT_COUNTS');

const sessions: FuseSession[] = [];

class CountingKeeper extends SessionKeeper {
  override begin(agreement: Agreement): FuseSession {
    const session = super.begin(agreement);
    sessions.push(session);
    return session;
  }
}

process.umask(0);
const options: ServerOptions = {
  host: new PosixHostFs(new MountTable()),
  root: Buffer.from(values.root),
  handlers: fuseHandlers,
  watches: undefined,
  asCaller: true,
  umask: 0o022,
  validity: 1n,
  stage: () => {
    throw new ErrnoError('ENOSYS');
  },
  log: (message) => process.stderr.write(`${message}\n`),
  instance: Buffer.alloc(16),
  boot: Buffer.alloc(16),
  random: () => Buffer.alloc(16),
  defaultGrace: 0,
};
const server = new Server(options, new CountingKeeper(options));
process.on('SIGUSR2', () => {
  const [inodes, handles] = [0, 0].map((_, i) =>
    sessions.reduce((sum, { inodes: table, handles: open }) => sum + (i === 0 ? table.size : open.size), 0),
  );
  writeFileSync(counts, JSON.stringify({ inodes, handles, pid: process.pid }));
});
writeFileSync(counts, JSON.stringify({ pid: process.pid }));
void server.accept(standardInput(), standardOutput()).then(() => process.exit(0));
