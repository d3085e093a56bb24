import { readdir, readFile, readlink } from 'node:fs/promises';
import type { ListeningPort } from '../../server/processes/processHost';

/** State of a socket that listens. (proc_pid_net(5), include/net/tcp_states.h) */
const LISTEN = '0A';
/** Rows of one table that are read at most. */
const ROWS_MAX = 65_536;

/** Ports that this user's own processes listen on, each once; those of others are none of ours, and not visible either. */
export async function listeningPorts(): Promise<readonly ListeningPort[]> {
  const sockets = new Map<string, { port: number; address: string }>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const [inode, place] of listening(await text(table))) sockets.set(inode, place);
  }
  const found = new Map<number, ListeningPort>();
  if (sockets.size === 0) return [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    for (const inode of await socketsOf(pid)) {
      const place = sockets.get(inode);
      if (place === undefined || found.has(place.port)) continue;
      const command = (await text(`/proc/${pid}/comm`)).trim();
      found.set(place.port, { ...place, pid, command });
    }
  }
  return [...found.values()].sort((a, b) => a.port - b.port);
}

/** The listening sockets of a table, by inode. */
export function listening(table: string): Map<string, { port: number; address: string }> {
  const found = new Map<string, { port: number; address: string }>();
  for (const line of table.split('\n').slice(1, ROWS_MAX)) {
    const fields = line.trim().split(/\s+/);
    const [, local = '', , state] = fields;
    const inode = fields[9];
    const [address = '', port = ''] = local.split(':');
    if (state !== LISTEN || inode === undefined) continue;
    found.set(inode, { port: Number.parseInt(port, 16), address: addressOf(address) });
  }
  return found;
}

/** Bytes of an address in words of the host's order, which is little-endian. */
function addressOf(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => [...Buffer.from(word, 'hex')].reverse());
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return groups.join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
}

async function socketsOf(pid: number): Promise<string[]> {
  try {
    const folder = `/proc/${pid}/fd`;
    const links = await Promise.all(
      (await readdir(folder)).map((fd) => readlink(`${folder}/${fd}`).catch(() => '')),
    );
    return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
  } catch {
    return []; // Another user's, or it ended.
  }
}

async function text(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}
