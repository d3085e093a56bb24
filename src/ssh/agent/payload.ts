import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** What the agent consists of, as files of this machine (built by scripts/build.mjs). */
export interface AgentFiles {
  /** The agent's program, one file for every host. */
  readonly agentJs: string;
  /** The native module of each kind of host, by `platform-arch-libc`: `linux-x64-glibc`, `linux-arm64-musl`. */
  readonly natives: Readonly<Record<string, string>>;
}

/** The agent's files in a folder as scripts/build.mjs makes it: `agent.js` and `native/KIND/koffi.node`. */
export function agentFilesIn(dist: string): AgentFiles {
  const folder = join(dist, 'native');
  const kinds = existsSync(folder) ? readdirSync(folder) : [];
  const natives = kinds.map((kind) => [kind, join(folder, kind, 'koffi.node')] as const);
  return {
    agentJs: join(dist, 'agent.js'),
    natives: Object.fromEntries(natives.filter(([, path]) => existsSync(path))),
  };
}

/** A part of the agent as it is stored on the host. */
export interface PayloadPart {
  readonly sha256: string;
  /** The content, compressed for the way; made when first asked for. */
  packed(): Promise<Buffer>;
}

/** The agent as bytes with their hashes. */
export interface AgentPayload {
  readonly agent: PayloadPart;
  readonly natives: ReadonlyMap<string, PayloadPart>;
}

const gzipAsync = promisify(gzip);

/** Reads and hashes the agent's files once; what is sent is compressed only if some host lacks it. */
export async function loadPayload(files: AgentFiles): Promise<AgentPayload> {
  const natives = Object.entries(files.natives).map(
    async ([kind, path]) => [kind, await loadPart(path)] as const,
  );
  const [agent, ...loaded] = await Promise.all([loadPart(files.agentJs), ...natives]);
  return { agent, natives: new Map(loaded) };
}

async function loadPart(path: string): Promise<PayloadPart> {
  const content = await readFile(path);
  let packing: Promise<Buffer> | undefined;
  return {
    sha256: createHash('sha256').update(content).digest('hex'),
    packed() {
      packing ??= gzipAsync(content);
      return packing;
    },
  };
}
