import { type AgentChannel, type BootstrapOptions, bootstrap } from './bootstrap';
import { ConnectError } from '../connectError';
import { NoRuntimeError } from './noRuntime';
import type { AgentPayload } from './payload';
import type { RuntimeSource } from './runtime';
import type { SshTransport } from '../transport/transport';
import { uploadRuntime } from './uploadRuntime';

/**
 * How a host is worked on, best first: the agent on the host's own Node, the agent on a Node that was uploaded, no
 * agent at all but SFTP.
 */
export type Rung = 'node' | 'uploaded-node' | 'sftp';

/** A step of connecting, for people. */
export type ConnectStep =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'starting-agent' }
  | {
      readonly kind: 'uploading';
      readonly what: 'agent' | 'runtime';
      readonly sent: number;
      readonly total: number;
    };

/** The step in words, for logs. */
export function describeStep(step: ConnectStep): string {
  switch (step.kind) {
    case 'connecting':
      return 'connecting';
    case 'starting-agent':
      return 'starting the agent';
    case 'uploading':
      return `sending the ${step.what}: ${step.sent} of ${step.total} bytes`;
  }
}

export interface LadderOptions
  extends Pick<BootstrapOptions, 'graceS' | 'nodePaths' | 'onlyNodePaths' | 'silenceMs'> {
  readonly payload: AgentPayload;
  /** `agent` fails where it cannot run; `sftp` starts nothing on the host. Default `auto`: the best that works. */
  readonly rungs?: 'auto' | 'agent' | 'sftp';
  /** Where a Node to upload comes from; without it that rung is left out. */
  readonly runtimes?: RuntimeSource;
  readonly onLog?: (line: string) => void;
  readonly onProgress?: (step: ConnectStep) => void;
}

/** The rung that was reached. */
export interface Landing {
  readonly rung: Rung;
  /** Why it is this one and no better one; for people. */
  readonly reason: string;
  /** A channel to the agent; none on the rung `sftp`. */
  readonly agent?: AgentChannel;
}

/** Tries the rungs from the best one down. The error of the best rung if none works, or none other may be taken. */
export async function climb(transport: SshTransport, options: LadderOptions): Promise<Landing> {
  if (options.rungs === 'sftp') {
    return overSftp(
      transport,
      'the settings ask for SFTP',
      new ConnectError('forbidden', 'the host offers no SFTP'),
    );
  }
  try {
    return await withAgent(transport, options);
  } catch (error) {
    if (options.rungs === 'agent' || !isAboutAgent(error)) throw error;
    return overSftp(transport, error.message, error);
  }
}

async function withAgent(transport: SshTransport, options: LadderOptions): Promise<Landing> {
  options.onProgress?.({ kind: 'starting-agent' });
  try {
    return landed(await bootstrap(transport, options.payload, bootstrapOptions(options)));
  } catch (error) {
    if (!(error instanceof NoRuntimeError) || options.runtimes === undefined) throw error;
    const runtime = await options.runtimes(error.host);
    if (runtime === undefined) throw error;
    const path = await uploadRuntime(transport, runtime, (sent, total) =>
      options.onProgress?.({ kind: 'uploading', what: 'runtime', sent, total }),
    );
    const agent = await bootstrap(transport, options.payload, {
      ...bootstrapOptions(options),
      nodePaths: [path],
      onlyNodePaths: true,
    });
    return landed(agent);
  }
}

function bootstrapOptions(options: LadderOptions): BootstrapOptions {
  const { payload, rungs, runtimes, onProgress, ...rest } = options;
  return {
    ...rest,
    onUpload: (sent, total) => onProgress?.({ kind: 'uploading', what: 'agent', sent, total }),
  };
}

function landed(agent: AgentChannel): Landing {
  const { runtime } = agent.daemon;
  return runtime.includes('/livemount')
    ? { rung: 'uploaded-node', reason: 'the host has no Node.js 18 or newer of its own', agent }
    : { rung: 'node', reason: `the agent runs on ${runtime}`, agent };
}

/** Whether the host can be reached, and only the agent cannot be had there. */
function isAboutAgent(error: unknown): error is ConnectError {
  return error instanceof ConnectError && ['agent', 'no-runtime', 'forbidden'].includes(error.failure);
}

async function overSftp(transport: SshTransport, reason: string, otherwise: Error): Promise<Landing> {
  try {
    const sftp = await transport.sftp();
    sftp.end();
  } catch {
    throw otherwise;
  }
  return { rung: 'sftp', reason };
}
