import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { inflateRawSync } from 'node:zlib';

const projectFolder = path.resolve(__dirname, '../..');
const MAX_BYTES = 6 * 2 ** 20;

test('a VSIX is packaged for every platform and for each, all with the natives of the hosts', (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'livemount-vsix-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const args = ['scripts/package.mjs', path.join(folder, 'livemount.vsix'), '--platforms'];
  execFileSync(process.execPath, args, { cwd: projectFolder, stdio: 'pipe' });

  const natives = readdirSync(path.join(projectFolder, 'dist/native')).sort();
  assert.ok(natives.length > 0);
  const targets: string[] = [];
  for (const file of readdirSync(folder)) {
    const packed = readFileSync(path.join(folder, file));
    assert.ok(packed.length < MAX_BYTES, `${file} has ${packed.length} bytes`);
    const entries = entriesOf(packed);
    const manifest = entries.get('extension.vsixmanifest')?.() ?? '';
    const target = /TargetPlatform="([^"]+)"/.exec(manifest)?.[1] ?? 'every';
    assert.equal(file, target === 'every' ? 'livemount.vsix' : `livemount-${target}.vsix`);
    targets.push(target);
    const shipped = [...entries.keys()].flatMap(
      (name) => /^extension\/dist\/native\/([^/]+)\//.exec(name)?.[1] ?? [],
    );
    assert.deepEqual(shipped.sort(), natives, file);
  }
  for (const target of ['every', 'linux-x64', 'alpine-arm64', 'darwin-arm64', 'win32-x64']) {
    assert.ok(targets.includes(target), target);
  }
});

/** The texts of a ZIP file by name, from its central directory. (APPNOTE 4.3.12) */
function entriesOf(packed: Buffer): Map<string, () => string> {
  const end = packed.lastIndexOf(Buffer.from('PK\x05\x06'));
  const entries = new Map<string, () => string>();
  let at = packed.readUInt32LE(end + 16);
  for (let left = packed.readUInt16LE(end + 10); left > 0; left--) {
    const method = packed.readUInt16LE(at + 10);
    const size = packed.readUInt32LE(at + 20);
    const [name, extra, comment] = [28, 30, 32].map((offset) => packed.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const local = packed.readUInt32LE(at + 42);
    entries.set(packed.toString('utf8', at + 46, at + 46 + name), () => {
      const start = local + 30 + packed.readUInt16LE(local + 26) + packed.readUInt16LE(local + 28);
      const content = packed.subarray(start, start + size);
      return (method === 8 ? inflateRawSync(content) : content).toString('utf8');
    });
    at += 46 + name + extra + comment;
  }
  return entries;
}
