import { messageOf } from '../../base/errors';
import { existsSync, lstatSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { resolve } from 'node:path';
import { ErrnoError } from '../../protocol/errno';
import { isOurPeer, isOurSocket } from '../daemon/peer';
import { peerUid } from '../libc/peer';
import {
  type LmCall,
  type LmReply,
  type LmRequest,
  REPLY_LIMIT,
  SOCKET_VARIABLE,
  TERMINAL_VARIABLE,
} from './messages';

const USAGE = `usage: lm [--wait] FILE[:LINE[:COLUMN]]...   open files in the window this terminal is in
       lm [--wait] -d LEFT RIGHT             compare two files there
       lm FOLDER                             open a folder in a window of its own
`;

/**
 * What GIT_ASKPASS and SSH_ASKPASS lead to: prints the answer of the window that runs the command. The answer stands in no
 * argument, variable or file.
 */
export async function runAskpass([by = '', prompt = '']: readonly string[]): Promise<number> {
  const socket = process.env[SOCKET_VARIABLE];
  const token = process.env[TERMINAL_VARIABLE];
  if (!socket || !token) return 1;
  try {
    const { status, message } = await ask(socket, {
      token,
      request: { kind: 'ask', by: by === 'git' ? 'git' : 'ssh', prompt },
    });
    if (status === 0) process.stdout.write(`${message}\n`);
    return status;
  } catch {
    return 1;
  }
}

/** `lm`: asks the window whose terminal this is. Gives the exit status; failures are one line on standard error. */
export async function runLm(args: readonly string[]): Promise<number> {
  if (args[0] === '--askpass') return runAskpass(args.slice(1));
  const request = parse(args);
  if (request === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const socket = process.env[SOCKET_VARIABLE];
  const token = process.env[TERMINAL_VARIABLE];
  if (!socket || !token) {
    process.stderr.write('lm: this is no terminal of a Livemount window\n');
    return 1;
  }
  try {
    const { status, message } = await ask(socket, { token, request });
    if (message !== '') process.stderr.write(`lm: ${message}\n`);
    return status;
  } catch (error) {
    process.stderr.write(`lm: ${messageOf(error)}\n`);
    return 1;
  }
}

/** undefined: not understood. */
function parse(args: readonly string[]): LmRequest | undefined {
  let wait = false;
  let diff = false;
  let isFile = false;
  const words: string[] = [];
  for (const argument of args) {
    if (isFile || !argument.startsWith('-') || argument === '-') words.push(argument);
    else if (argument === '--') isFile = true;
    else if (argument === '--wait' || argument === '-w') wait = true;
    else if (argument === '--diff' || argument === '-d') diff = true;
    else if (argument !== '--goto' && argument !== '-g') return undefined;
  }
  if (diff) {
    const [left, right] = words;
    if (left === undefined || right === undefined || words.length !== 2) return undefined;
    return { kind: 'diff', left: resolve(left), right: resolve(right), wait };
  }
  if (words.length === 0) return undefined;
  return { kind: 'open', files: words.map(placeOf), wait };
}

function placeOf(word: string): Extract<LmRequest, { kind: 'open' }>['files'][number] {
  const match = /^(.+?):(\d+)(?::(\d+))?:?$/s.exec(word);
  // A file may well have such a name.
  if (match === null || existsSync(word)) return { path: resolve(word), isFolder: isFolder(word) };
  const [, path = '', line, column] = match;
  return {
    path: resolve(path),
    isFolder: isFolder(path),
    line: Number(line),
    ...(column !== undefined && { column: Number(column) }),
  };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function ask(path: string, call: LmCall): Promise<LmReply> {
  // Another user's socket would be told which files are opened, and could answer what it likes.
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new ErrnoError('ENOENT', 'the agent of this terminal is gone');
  if (!isOurSocket(found)) throw new ErrnoError('EACCES', `${path} is no socket of yours`);
  const socket = createConnection({ path });
  return new Promise((settle, reject) => {
    let received = '';
    socket.once('connect', () => {
      if (!isOurPeer(socket, peerUid))
        socket.destroy(new ErrnoError('EACCES', `${path} is no socket of yours`));
      else socket.write(`${JSON.stringify(call)}\n`);
    });
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      received += text;
      if (received.length > REPLY_LIMIT) socket.destroy(new Error('what answers is not the agent'));
    });
    socket.on('error', reject);
    socket.on('close', () => {
      try {
        settle(JSON.parse(received) as LmReply);
      } catch {
        reject(new Error('the agent of this terminal went away'));
      }
    });
  });
}
