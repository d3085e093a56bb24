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
    default:
      // Several addresses were tried: each has its own error.
      return `no connection to ${host} port ${port}: ${error.message || error.code || 'unknown error'}`;
  }
}

/**
 * Runs a ProxyCommand and gives its standard input and output as the connection. Its standard error goes to `onLog`,
 * a line at a time. Destroying the stream ends the command.
 */
export function dialCommand(command: string, onLog: (line: string) => void): Duplex {
  // `exec`, as OpenSSH does, so that the process we end is the command and not a shell around it.
  const child = spawn('/bin/sh', ['-c', `exec ${command}`], { stdio: ['pipe', 'pipe', 'pipe'] });
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
