import { spawn } from 'node:child_process';
import { createConnection, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { LastLines } from '../../base/lastLines';
import type { HostConfig } from '../config/hostConfig';
import { ConnectError } from '../connectError';

/** A TCP connection to the host, as the configuration asks for it. */
export function dialTcp(
  { hostName, port, addressFamily, bindAddress }: HostConfig,
  limitMs: number,
): Promise<Socket> {
  const family = addressFamily === 'inet' ? 4 : addressFamily === 'inet6' ? 6 : 0;
  return new Promise((resolve, reject) => {
    const socket = createConnection({
      host: hostName,
      port,
      family,
      ...(bindAddress !== undefined && { localAddress: bindAddress }),
    });
    const fail = (error: ConnectError) => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(limitMs, () =>
      fail(new ConnectError('timeout', `${hostName} port ${port} did not answer within ${limitMs / 1000} s`)),
    );
    socket.once('error', (error: NodeJS.ErrnoException) =>
      fail(new ConnectError('unreachable', explain(error, hostName, port), { cause: error })),
    );
    socket.once('connect', () => {
      socket.removeAllListeners();
      socket.setTimeout(0);
      // Frames are small and must leave at once.
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case 'ENOTFOUND':
      return `there is no host ${host}: check the name, or the network and VPN`;
    case 'EAI_AGAIN':
      return `the name ${host} cannot be looked up at the moment: check the network`;
    case 'ECONNREFUSED':
      return `${host} refuses connections on port ${port}: no SSH server listens there`;
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return `${host} cannot be reached: check the network and VPN`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `${host} closed the connection on port ${port} at once`;
    case 'ETIMEDOUT':
      return `${host} does not answer on port ${port}: check the network and VPN`;
    default:
      // Several addresses were tried: each has its own error, which is this one's cause.
      return `no connection to ${host} port ${port} could be made`;
  }
}

/** How a ProxyCommand is run: by the shell of the machine. */
export interface ProxyInvocation {
  readonly program: string;
  readonly args: readonly string[];
  /** The arguments are passed on as they are, without quotes of Node's. */
  readonly isVerbatim: boolean;
}

export function proxyInvocation(
  command: string,
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): ProxyInvocation {
  if (platform === 'win32') {
    // With /s the quotes around the whole are taken away, and nothing else is touched.
    return { program: env.ComSpec || 'cmd.exe', args: ['/d', '/s', '/c', `"${command}"`], isVerbatim: true };
  }
  // `exec`, as OpenSSH does, so that the process we end is the command and not a shell around it.
  return { program: '/bin/sh', args: ['-c', `exec ${command}`], isVerbatim: false };
}

/**
 * Runs a ProxyCommand and gives its standard input and output as the connection. Its standard error goes to `onLog`,
 * a line at a time. Destroying the stream ends the command.
 */
export function dialCommand(command: string, onLog: (line: string) => void): Duplex {
  const { program, args, isVerbatim } = proxyInvocation(command);
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
    windowsVerbatimArguments: isVerbatim,
  });
  const { stdin, stdout, stderr } = child;
  const stream = new Duplex({
    read: () => {
      stdout.resume();
    },
    write: (chunk, _encoding, done) => {
      stdin.write(chunk, done);
    },
    final: (done) => {
      stdin.end();
      done();
    },
    destroy: (error, done) => {
      // Where a shell stands around the command, the end of its input is what the command sees.
      stdin.destroy();
      child.kill();
      done(error);
    },
  });
  stdout.on('data', (chunk) => {
    if (!stream.push(chunk)) stdout.pause();
  });
  stdout.on('end', () => stream.push(null));
  stdin.on('error', () => {}); // The command ended; its exit tells.
  const said = new LastLines(onLog);
  stderr.setEncoding('utf8').on('data', said.push);
  child.once('error', (error) =>
    stream.destroy(new ConnectError('unreachable', `the ProxyCommand cannot be run: ${error.message}`)),
  );
  child.once('close', (code, signal) => {
    said.end();
    const ending = signal === null ? `status ${code}` : signal;
    stream.destroy(new ConnectError('unreachable', `the ProxyCommand ended (${ending}) ${said.text}`.trim()));
  });
  return stream;
}
