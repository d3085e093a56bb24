import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Disposable, onDispose } from '../../src/base/dispose';
import { type AgentPayload, agentFilesIn, loadPayload } from '../../src/ssh/agent/payload';

/** The built agent as a payload of its own version, so that its daemon is nobody else's. */
export async function realAgent(version: string): Promise<Disposable & { readonly payload: AgentPayload }> {
  const built = agentFilesIn(resolve(__dirname, '../../dist'));
  if (!existsSync(built.agentJs)) throw new Error(`${built.agentJs} is missing: npm run build`);
  const folder = mkdtempSync(join(tmpdir(), 'livemount-agent-'));
  const removed = onDispose(() => rmSync(folder, { recursive: true, force: true }));
  const agentJs = join(folder, 'agent.js');
  writeFileSync(agentJs, `${readFileSync(built.agentJs, 'utf8')}\n// ${version}\n`);
  return { payload: await loadPayload({ ...built, agentJs }), dispose: () => removed.dispose() };
}
