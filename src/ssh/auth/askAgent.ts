import { createConnection } from 'node:net';

/** SSH_AGENTC_REQUEST_IDENTITIES and SSH_AGENTC_SIGN_REQUEST (draft-ietf-sshm-ssh-agent, 5): all that a login needs. */
const ALLOWED: readonly number[] = [11, 13];

/** The largest answer OpenSSH's own agent gives (MAX_AGENT_REPLY_LEN). */
const LONGEST_ANSWER = 256 << 10;

/** An agent may ask a person first (ssh-add -c, a FIDO token). */
const TIMEOUT_MS = 60_000;

/**
 * Passes one request of a host to the SSH agent of this machine. Only keys are listed and used: nothing is added, removed,
 * locked or extended. Undefined where that is not allowed, or no agent answers.
 */
export function askAgent(socketPath: string, request: Buffer): Promise<Buffer | undefined> {
  if (request[0] === undefined || !ALLOWED.includes(request[0])) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    let received = Buffer.alloc(0);
    const settle = (answer: Buffer | undefined) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(TIMEOUT_MS, () => settle(undefined));
    socket.on('error', () => settle(undefined));
    socket.on('close', () => settle(undefined));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length > LONGEST_ANSWER) settle(undefined);
      else if (received.length >= 4 && received.length >= 4 + received.readUInt32BE(0))
        settle(received.subarray(4, 4 + received.readUInt32BE(0)));
    });
    const length = Buffer.alloc(4);
    length.writeUInt32BE(request.length);
    socket.write(Buffer.concat([length, request]));
  });
}
