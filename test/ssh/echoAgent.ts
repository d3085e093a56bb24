import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { build } from 'esbuild';
import { type Disposable, onDispose } from '../../src/base/dispose';
import { type AgentPayload, loadPayload } from '../../src/ssh/agent/payload';

/** The echo agent as a payload; `version` makes it another one to the host. */
export async function buildEchoAgent(
  version = '1',
): Promise<Disposable & { readonly payload: AgentPayload }> {
  const folder = mkdtempSync(join(tmpdir(), 'livemount-agent-'));
  const removed = onDispose(() => rmSync(folder, { recursive: true, force: true }));
  const agentJs = join(folder, 'agent.js');
  await build({
    entryPoints: [join(__dirname, 'programs/echoAgent.ts')],
    outfile: agentJs,
    bundle: true,
    platform: 'node',
    target: 'node18',
    banner: { js: `// version ${version}` },
  });
  const payload = await loadPayload({ agentJs, natives: {} });
  return { payload, dispose: () => removed.dispose() };
}

/** What the agent is sent it sends back. */
export async function echoes(channel: Duplex, text: string): Promise<void> {
  channel.write(text);
  let received = '';
  for await (const chunk of channel.iterator({ destroyOnReturn: false })) {
    received += String(chunk);
    if (received.length >= text.length) break;
  }
  assert.equal(received, text);
}
