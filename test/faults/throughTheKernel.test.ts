// What programs see that work in a tree which the kernel mounted from the agent, as they would on the host itself.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { TestMounts } from '../fixtures/mounts';
import { READ_POSITIONS } from '../kernel/directoryStream';
import { KernelMount } from '../kernel/kernelMount';

/** Remembers all positions of a directory, changes names in it, rewinds, and goes to each position of a name that is left. */
const SEEK = `${READ_POSITIONS}gone = set(n for _, n in seen[2::3])
for n in gone: os.unlink(n)
for i in range(50): open('new-%d' % i, 'w').close()
libc.rewinddir(d)
again = []
while True:
    n = name()
    if n is None: break
    again.append(n)
assert sorted(again) == sorted(os.listdir(b'.') + [b'.', b'..']), 'after the rewind'
for at, n in reversed(seen):
    if n in gone: continue
    libc.seekdir(d, at)
    found = name()
    assert found == n, (at, n, found)
print(len(seen))
`;

test('a remembered position of a directory leads to the same of 702 names, also after a rewind', async () => {
  const mounts = new TestMounts();
  const root = mounts.filesystem('tmpfs', mounts.directory('root'));
  const kernel = await KernelMount.of(root);
  try {
    for (let i = 0; i < 700; i++) fs.writeFileSync(join(root, `name-${i}`), '');
    assert.equal(execFileSync('python3', ['-c', SEEK, kernel.path], { encoding: 'utf8' }), '702\n');
    await kernel.unmount();
  } finally {
    await kernel.dispose();
    mounts.dispose();
  }
});

/** The number of each name in a directory, as a listing has it, as bytes. */
const NUMBERS = `
import os, sys, ctypes, json, struct
libc = ctypes.CDLL(None)
fd = os.open(sys.argv[1], os.O_RDONLY)
buffer = ctypes.create_string_buffer(1 << 16)
found = {}
while True:
    n = libc.syscall(217 if os.uname().machine == 'x86_64' else 61, fd, buffer, len(buffer))
    if n <= 0: break
    at = 0
    while at < n:
        ino, off, length, kind = struct.unpack_from('=QqHB', buffer.raw, at)
        name = buffer.raw[at + 19:at + length].split(b'\\0')[0].decode()
        found[name] = str(ino)
        at += length
print(json.dumps(found))
`;

test('a listing has the inode numbers that stat has: "..", other mounts, and overlays that mark their layers', async () => {
  const mounts = new TestMounts();
  const root = mounts.directory('root');
  const one = mounts.filesystem('tmpfs', join(root, 'tmpfs'));
  fs.mkdirSync(join(one, 'sub'));
  fs.writeFileSync(join(one, 'sub/file'), '');
  fs.mkdirSync(join(root, 'plain'));
  fs.writeFileSync(join(root, 'plain/file'), '');
  const lower = mounts.filesystem('ext4', mounts.directory('lower'));
  fs.mkdirSync(join(lower, 'both'));
  fs.writeFileSync(join(lower, 'both/low'), '');
  fs.writeFileSync(join(lower, 'low'), '');
  const overlay = mounts.overlay(`${lower},xino=on`, join(root, 'overlay'));
  fs.writeFileSync(join(overlay, 'both/up'), '');
  const kernel = await KernelMount.of(root);
  try {
    for (const path of ['plain', 'tmpfs', 'tmpfs/sub', 'overlay', 'overlay/both']) {
      const folder = join(kernel.path, path);
      const listed = JSON.parse(
        execFileSync('python3', ['-c', NUMBERS, folder], { encoding: 'utf8' }),
      ) as Record<string, string>;
      assert.ok(Object.keys(listed).length > 2, path);
      for (const [name, ino] of Object.entries(listed)) {
        assert.equal(ino, String(fs.lstatSync(`${folder}/${name}`, { bigint: true }).ino), `${path}/${name}`);
      }
    }
    await kernel.unmount();
  } finally {
    await kernel.dispose();
    mounts.dispose();
  }
});

/** Works in a directory while the host moves it: the program tells when it is there, and goes on when it is told to. */
const WORK = `
import os, sys
os.chdir(sys.argv[1])
print('there', flush=True)
for line in sys.stdin:
    try:
        open('made', 'w').write('made')
        assert open('made').read() == 'made'
        assert 'made' in os.listdir('.')
        os.mkdir('sub'); os.rename('made', 'sub/moved'); os.link('sub/moved', 'again'); os.symlink('x', 'link')
        assert os.readlink('link') == 'x'
        assert os.stat('.').st_ino == int(line)
        os.unlink('again'); os.unlink('link'); os.unlink('sub/moved'); os.rmdir('sub')
        print('done', flush=True)
    except OSError as error: print(error, flush=True)
`;

test('a program goes on in a directory that the host renames, or moves elsewhere, or above which it does so', async () => {
  const mounts = new TestMounts();
  const root = mounts.directory('root');
  fs.mkdirSync(join(root, 'a/b/work'), { recursive: true });
  fs.mkdirSync(join(root, 'elsewhere'));
  const { ino } = fs.statSync(join(root, 'a/b/work'), { bigint: true });
  const kernel = await KernelMount.of(root);
  const program = spawn('python3', ['-c', WORK, join(kernel.path, 'a/b/work')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const lines = createInterface(program.stdout)[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, 'there');
    fs.readdirSync(join(kernel.path, 'elsewhere'));
    const moves = [
      ['a/b/work', 'a/b/renamed'],
      ['a/b', 'a/c'],
      ['a/c/renamed', 'elsewhere/moved'],
      ['elsewhere', 'yonder'],
    ] as const;
    for (const [from, to] of moves) {
      fs.renameSync(join(root, from), join(root, to));
      // Another directory of the old name is another directory.
      fs.mkdirSync(join(root, from));
      program.stdin.write(`${ino}\n`);
      assert.equal((await lines.next()).value, 'done', `${from} -> ${to}`);
      assert.deepEqual(fs.readdirSync(join(root, from)), []);
      fs.rmdirSync(join(root, from));
    }
    program.stdin.end();
    await once(program, 'exit');
    await kernel.unmount();
  } finally {
    program.kill('SIGKILL');
    await kernel.dispose();
    mounts.dispose();
  }
});
