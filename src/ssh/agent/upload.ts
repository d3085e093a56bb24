import { ConnectError } from '../connectError';
import type { HostNeeds } from './hostBoot';
import type { AgentPayload } from './payload';

const UPLOAD_CHUNK = 64 << 10;

/**
 * Sends the parts that the host lacks, each as a line with its length and then its bytes.
 *
 * @param send resolves once the channel takes more.
 * @param onProgress is called with the bytes sent so far and in all.
 */
export async function upload(
  payload: AgentPayload,
  needs: HostNeeds,
  send: (chunk: Buffer) => Promise<void>,
  onProgress: (sent: number, total: number) => void = () => {},
): Promise<void> {
  const parts = needs.parts.map((name) => {
    const part = name === 'agent' ? payload.agent : payload.natives.get(needs.kind);
    if (part === undefined) throw new ConnectError('agent', `there is no ${name} for ${needs.kind}`);
    return part.packed();
  });
  const contents = await Promise.all(parts);
  const total = contents.reduce((sum, content) => sum + content.length, 0);
  let sent = 0;
  for (const content of contents) {
    await send(Buffer.from(`${content.length}\n`));
    for (let at = 0; at < content.length; at += UPLOAD_CHUNK) {
      const chunk = content.subarray(at, at + UPLOAD_CHUNK);
      await send(chunk);
      sent += chunk.length;
      onProgress(sent, total);
    }
  }
}
