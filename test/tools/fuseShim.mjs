// The Linux kernel as a client of the agent: copies FUSE frames between /dev/fuse and `agent.js serve --stdio`.
//
//   node test/tools/fuseShim.mjs ROOT MOUNTPOINT [--agent FILE] [--options OPTS] [--user UID:GID] [--record FILE] [-- AGENT ARGS]
//
// Needs root. Prints "mounted" once the kernel has its answer to INIT; ends when MOUNTPOINT is unmounted or the agent
// ends (then it unmounts). Its two threads block in read(2), as a frame must be read and written in one call.
import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import koffi from 'koffi';

const libc = koffi.load(null);
const read = libc.func('long read(int fd, void *buf, size_t count)');
const write = libc.func('long write(int fd, const void *buf, size_t count)');
const close = libc.func('int close(int fd)');

/** 1 MiB of data, the largest header before it, and the page the kernel asks for beyond max_write. */
const FRAME_MAX = (1 << 20) + 8192;
const OUT_HEADER = 16;
const { EINTR, EAGAIN, ENOENT, ENODEV } = { EINTR: 4, EAGAIN: 11, ENOENT: 2, ENODEV: 19 };

/** Requests: each read of /dev/fuse is one, and goes to the agent whole. */
function copyRequests(fuse, toAgent, record) {
  const frame = Buffer.allocUnsafe(FRAME_MAX);
  for (;;) {
    const length = Number(read(fuse, frame, frame.length));
    if (length < 0) {
      const errno = koffi.errno();
      if (errno === EINTR || errno === EAGAIN || errno === ENOENT) continue;
      if (errno === ENODEV) return 'unmounted';
      throw new Error(`read of /dev/fuse: errno ${errno}`);
    }
    if (record) appendFileSync(record, frame.subarray(0, length));
    for (let sent = 0; sent < length; ) {
      const wrote = Number(write(toAgent, frame.subarray(sent, length), length - sent));
      if (wrote < 0 && koffi.errno() !== EINTR) return 'agent gone';
      if (wrote > 0) sent += wrote;
    }
  }
}

/** Replies: cut from the agent's stream, each written to /dev/fuse in one call. */
function copyReplies(fromAgent, fuse, first) {
  const held = Buffer.allocUnsafe(4 * FRAME_MAX);
  let end = 0;
  for (;;) {
    const got = Number(read(fromAgent, held.subarray(end), held.length - end));
    if (got < 0 && koffi.errno() === EINTR) continue;
    if (got <= 0) return 'agent gone';
    end += got;
    let start = 0;
    while (end - start >= OUT_HEADER) {
      const length = held.readUInt32LE(start);
      if (end - start < length) break;
      const wrote = Number(write(fuse, held.subarray(start, start + length), length));
      if (wrote < 0) {
        const errno = koffi.errno();
        if (errno === ENODEV) return 'unmounted';
        // ENOENT: the request was interrupted and nobody waits; anything else is a reply the kernel refused.
        if (errno !== ENOENT)
          parentPort.postMessage({
            refused: errno,
            frame: Uint8Array.from(held.subarray(start, start + Math.min(length, 256))),
          });
      } else {
        first();
      }
      start += length;
    }
    held.copyWithin(0, start, end);
    end -= start;
  }
}

/** A worker's whole life: one direction, until either side is gone. */
function copy() {
  const { direction, from, to, record } = workerData;
  let told = false;
  const first = () => {
    if (!told) parentPort.postMessage({ answered: true });
    told = true;
  };
  const why = direction === 'requests' ? copyRequests(from, to, record) : copyReplies(from, to, first);
  parentPort.postMessage({ ended: why });
}

function usage(problem) {
  process.stderr.write(
    `fuseShim: ${problem}\nusage: fuseShim.mjs ROOT MOUNTPOINT [--agent FILE] [--options OPTS] [--user UID:GID] [--record FILE] [-- AGENT ARGS]\n`,
  );
  process.exit(2);
}

async function main() {
  const here = dirname(fileURLToPath(import.meta.url));
  const cut = process.argv.indexOf('--', 2);
  const agentArgs = cut < 0 ? [] : process.argv.slice(cut + 1);
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2, cut < 0 ? undefined : cut),
    allowPositionals: true,
    options: {
      agent: { type: 'string', default: resolve(here, '../../dist/agent.js') },
      options: { type: 'string', default: 'default_permissions,allow_other' },
      user: { type: 'string' },
      record: { type: 'string' },
    },
  });
  const [root, mountpoint] = positionals;
  if (!root || !mountpoint) usage('needs ROOT and MOUNTPOINT');

  const mount = libc.func('int mount(const char *, const char *, const char *, unsigned long, const char *)');
  const umount2 = libc.func('int umount2(const char *, int)');
  const pipe = libc.func('int pipe2(_Out_ int *fds, int flags)');
  const fcntl = libc.func('int fcntl(int fd, int command, long argument)');
  const F_SETPIPE_SZ = 1031;
  const makePipe = () => {
    const fds = [0, 0];
    if (pipe(fds, 0o2000000) !== 0) throw new Error('pipe');
    fcntl(fds[1], F_SETPIPE_SZ, 1 << 20); // a whole WRITE without waiting for the reader
    return fds;
  };

  const fuse = openSync('/dev/fuse', 'r+');
  const [requestsOut, requestsIn] = makePipe();
  const [repliesOut, repliesIn] = makePipe();
  const [uid, gid] = (values.user ?? '0:0').split(':').map(Number);
  const agent = spawn(process.execPath, [values.agent, 'serve', '--stdio', '--root', root, ...agentArgs], {
    stdio: [requestsOut, repliesIn, 'inherit'],
    ...(values.user && { uid, gid }),
  });
  closeSync(requestsOut);
  closeSync(repliesIn);

  const options = `fd=${fuse},rootmode=40000,user_id=${uid},group_id=${gid}${values.options ? `,${values.options}` : ''}`;
  if (mount('livemount', mountpoint, 'fuse.livemount', 0, options) !== 0) {
    const errno = koffi.errno();
    agent.kill();
    throw new Error(`mount of ${mountpoint}: errno ${errno} (${options})`);
  }
  let mounted = true;
  const unmount = () => {
    if (mounted) umount2(mountpoint, 2);
    mounted = false;
  };

  const run = (data) => new Worker(new URL(import.meta.url), { workerData: data, stdout: false });
  const requests = run({ direction: 'requests', from: fuse, to: requestsIn, record: values.record });
  const replies = run({ direction: 'replies', from: repliesOut, to: fuse });
  let refusals = 0;
  replies.on('message', (message) => {
    if (message.answered) process.stdout.write('mounted\n');
    if (message.refused) {
      refusals++;
      process.stderr.write(
        `fuseShim: the kernel refused a reply (errno ${message.refused}): ${Buffer.from(message.frame).toString('hex')}\n`,
      );
    }
  });
  const ended = (worker) =>
    new Promise((done, failed) => {
      worker.on('message', (message) => message.ended && done(message.ended));
      worker.on('error', failed);
    });
  agent.on('exit', (code, signal) => {
    if (code !== 0) process.stderr.write(`fuseShim: the agent ended with ${signal ?? code}\n`);
    unmount();
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, unmount);

  const [requestsEnded, repliesEnded] = [ended(requests), ended(replies)];
  await requestsEnded;
  close(requestsIn); // end of file for the agent, which ends by itself
  const code = await new Promise((done) => {
    if (agent.exitCode !== null) done(agent.exitCode);
    else agent.on('exit', (status, signal) => done(status ?? signal));
  });
  await repliesEnded;
  unmount();
  closeSync(fuse);
  process.exit(code === 0 && refusals === 0 ? 0 : 1);
}

if (isMainThread) await main();
else copy();
