// A remote that wants a password, over HTTP: git's own server behind a real one that checks it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { git } from './localHost';

export const SECRET = 'open sesame "$(id)"';

/** A bare repository `guarded.git` in the folder, served to `ada` with SECRET; resolves with its address. */
export async function guardedServer(after: (end: () => void) => void, folder: string): Promise<string> {
  git(folder, 'init', '-q', '--bare', 'guarded.git');
  git(path.join(folder, 'guarded.git'), 'config', 'http.receivepack', 'true');
  const expected = `Basic ${Buffer.from(`ada:${SECRET}`).toString('base64')}`;
  const server = createServer((request, response) => {
    if (request.headers.authorization === expected) return backend(folder, request, response);
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/guarded.git`;
}

/** `git http-backend` as a web server runs it (git-http-backend(1)). */
function backend(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      REMOTE_USER: 'ada',
      REQUEST_METHOD: request.method,
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      ...(request.headers['content-encoding'] && {
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
      }),
    },
  });
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('close', () => {
    const output = Buffer.concat(chunks);
    const end = output.indexOf('\r\n\r\n');
    let status = 200;
    for (const line of output.toString('latin1', 0, end).split('\r\n')) {
      const [name = '', value = ''] = line.split(': ');
      if (name === 'Status') status = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.writeHead(status).end(output.subarray(end + 4));
  });
}
