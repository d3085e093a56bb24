import { createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { messageOf } from '../../base/errors';
import { type Context, withHosts } from '../context';
import { Failure } from '../errors';
import { parseLocationOrHost } from '../location';
import { formatTarget } from '../../ssh/config/target';
import { UsageError } from '../usageError';
import { type Command, ExitCode } from './types';

/** Only programs of this machine may use it. */
const LOOPBACK = '127.0.0.1';
/** Where the host's own programs listen: by name, since some listen on ::1 alone. */
const THERE = 'localhost';

export const forward: Command = {
  summary: 'make a port of the host one of this machine, until interrupted',
  operands: [{ word: 'HOST' }, { word: 'PORT[:LOCAL]' }],
  options: [],
  notes: [
    'Connections to port LOCAL of this machine (the same number, or a free one where that is taken) reach PORT of the host, as a program there would at localhost. It listens on 127.0.0.1 only.',
  ],
  run(context, [host = '', ports = '']) {
    const { target } = parseLocationOrHost(host);
    const { port, local } = parsePorts(ports);
    return withHosts(context, async (hosts) => {
      const { openTcp } = await hosts.tree(formatTarget(target));
      const connect = () => openTcp(THERE, port, context.signal);
      const server = await listen(context, connect, port, local);
      try {
        const address = server.address();
        const bound = typeof address === 'object' && address !== null ? address.port : port;
        await context.stdout.write(`${LOOPBACK}:${bound}\n`);
        await new Promise<void>((resolve) => {
          if (context.signal.aborted) resolve();
          context.signal.addEventListener('abort', () => resolve(), { once: true });
        });
        return ExitCode.OK;
      } finally {
        server.close();
      }
    });
  },
};

function parsePorts(text: string): { readonly port: number; readonly local: number | undefined } {
  const match = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[1]);
  const local = match?.[2] === undefined ? undefined : Number(match[2]);
  if (!isPort(port) || (local !== undefined && !isPort(local)))
    throw new UsageError(`${JSON.stringify(text)} is no port: write PORT or PORT:LOCAL`);
  return { port, local };
}

function isPort(port: number): boolean {
  return port > 0 && port < 65_536;
}

async function listen(
  context: Context,
  connect: () => ReturnType<Awaited<ReturnType<Context['connect']>>['openTcp']>,
  port: number,
  local: number | undefined,
): Promise<Server> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => undefined); // Its close is what counts.
    connect().then(
      (channel) => {
        pipeline(socket, channel, () => undefined);
        pipeline(channel, socket, () => undefined);
      },
      (error) => {
        context.say(`port ${port}: ${messageOf(error)}`);
        socket.destroy();
      },
    );
  });
  server.on('close', () => {
    for (const socket of open) socket.destroy();
  });
  context.signal.addEventListener('abort', () => {
    for (const socket of open) socket.destroy();
  });
  for (const wanted of local === undefined ? [port, 0] : [local]) {
    const error = await new Promise<Error | undefined>((resolve) => {
      server.once('error', resolve);
      server.listen(wanted, LOOPBACK, () => {
        server.off('error', resolve);
        resolve(undefined);
      });
    });
    if (error === undefined) return server;
    if (wanted === 0 || local !== undefined)
      throw new Failure(`port ${wanted} of this machine can't be used: ${error.message}`, { cause: error });
  }
  return server;
}
