import { createConnection } from 'node:net';
import { keyTypeOf } from './knownHosts';

/** SSH_AGENTC_REQUEST_IDENTITIES and its answer (draft-ietf-sshm-ssh-agent, 5.2). */
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;

/** The largest answer OpenSSH's own agent gives (MAX_AGENT_REPLY_LEN). */
const LONGEST_ANSWER = 256 << 10;

/** An agent is on this machine; one that asks a person first is not waited for. */
const AGENT_TIMEOUT_MS = 2000;

/**
 * The types of the keys that an agent holds, those that ssh2 leaves out as well: certificates, keys of FIDO tokens.
 * Empty where no agent answers. A socket may be a named pipe of Windows.
 */
export function agentKeyTypes(socketPath: string): Promise<string[]> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    let received = Buffer.alloc(0);
    const settle = (types: string[]) => {
      socket.destroy();
      resolve(types);
    };
    socket.setTimeout(AGENT_TIMEOUT_MS, () => settle([]));
    socket.on('error', () => settle([]));
    socket.on('close', () => settle([]));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length > LONGEST_ANSWER) settle([]);
      else if (received.length >= 4 && received.length >= 4 + received.readUInt32BE(0))
        settle(keyTypesOf(received.subarray(4)));
    });
    socket.write(Buffer.of(0, 0, 0, 1, REQUEST_IDENTITIES));
  });
}

function keyTypesOf(answer: Buffer): string[] {
  const types: string[] = [];
  if (answer.length < 5 || answer[0] !== IDENTITIES_ANSWER) return types;
  let at = 5;
  const string = (): Buffer | undefined => {
    if (at + 4 > answer.length) return undefined;
    const end = at + 4 + answer.readUInt32BE(at);
    if (end > answer.length) return undefined;
    const value = answer.subarray(at + 4, end);
    at = end;
    return value;
  };
  for (let left = answer.readUInt32BE(1); left > 0; left--) {
    const key = string();
    const comment = string();
    if (key === undefined || comment === undefined) break;
    types.push(keyTypeOf(key));
  }
  return types;
}
