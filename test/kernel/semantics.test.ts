import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TestMounts } from '../fixtures/mounts';
import { KernelMount } from './kernelMount';

/** What must hold through a mount of the kernel, whatever filesystem is behind the agent. */
for (const type of ['ext4', 'xfs', 'tmpfs'] as const) {
  describe(`through the kernel, over ${type}`, () => {
    const mounts = new TestMounts();
    let kernel: KernelMount;
    let root: string;
    let top: string;

    before(async () => {
      root = mounts.filesystem(type, mounts.directory('root'));
      kernel = await KernelMount.of(root);
      top = kernel.path;
    });
    after(async () => {
      await kernel?.dispose();
      mounts.dispose();
    });

    test('an unlinked file stays readable and writable while it is open', () => {
      const path = join(top, 'unlinked');
      const fd = fs.openSync(path, 'w+');
      fs.writeSync(fd, 'before');
      fs.unlinkSync(path);
      fs.writeSync(fd, ' after', 6);
      const content = Buffer.alloc(12);
      assert.equal(fs.readSync(fd, content, 0, 12, 0), 12);
      assert.equal(content.toString(), 'before after');
      fs.fchmodSync(fd, 0o600);
      fs.ftruncateSync(fd, 5);
      const stat = fs.fstatSync(fd);
      assert.deepEqual([stat.nlink, stat.size, stat.mode & 0o777], [0, 5, 0o600]);
      fs.closeSync(fd);
      assert.equal(fs.existsSync(join(root, 'unlinked')), false);
    });

    test('an unlinked file can be opened once more while it is open', () => {
      const path = join(top, 'opened-twice');
      const first = fs.openSync(path, 'w+');
      fs.unlinkSync(path);
      fs.writeSync(first, 'of the first');
      const second = fs.openSync(`/proc/self/fd/${first}`, 'r+');
      fs.closeSync(first);
      assert.equal(fs.readFileSync(second, 'utf8'), 'of the first');
      fs.writeSync(second, 'by', 0);
      fs.closeSync(second);
    });

    test('an unlinked file is reached by fstat while only a name-less handle of it is left', () => {
      const path = join(top, 'replaced');
      fs.writeFileSync(path, 'old');
      const fd = fs.openSync(path, 'r');
      fs.writeFileSync(join(top, 'replacement'), 'new');
      fs.renameSync(join(top, 'replacement'), path);
      assert.equal(fs.readFileSync(fd, 'utf8'), 'old');
      assert.equal(fs.fstatSync(fd).nlink, 0);
      assert.equal(fs.readFileSync(path, 'utf8'), 'new');
      fs.closeSync(fd);
    });

    test('an open file goes on when it, or a directory above it, is renamed', () => {
      fs.mkdirSync(join(top, 'a/b'), { recursive: true });
      const path = join(top, 'a/b/file');
      fs.writeFileSync(path, 'content');
      const before = fs.statSync(path, { bigint: true }).ino;
      const fd = fs.openSync(path, 'r+');
      fs.renameSync(join(top, 'a'), join(top, 'z'));
      fs.renameSync(join(top, 'z/b/file'), join(top, 'z/b/other'));
      fs.writeSync(fd, 'CON', 0);
      fs.fsyncSync(fd);
      assert.equal(fs.readFileSync(join(root, 'z/b/other'), 'utf8'), 'CONtent');
      assert.equal(fs.fstatSync(fd, { bigint: true }).ino, before);
      assert.equal(fs.statSync(join(top, 'z/b/other'), { bigint: true }).ino, before);
      fs.closeSync(fd);
    });

    test('a working directory stays usable while directories above it are renamed', () => {
      fs.mkdirSync(join(top, 'here/deep/deeper'), { recursive: true });
      const script = 'mv ../../../here ../../../there && echo x > made && cat made && ls';
      const out = execFileSync('sh', ['-c', script], {
        cwd: join(top, 'here/deep/deeper'),
        encoding: 'utf8',
      });
      assert.equal(out, 'x\nmade\n');
      assert.equal(fs.readFileSync(join(root, 'there/deep/deeper/made'), 'utf8'), 'x\n');
    });

    test('hard links are one inode, and changes through one show in the other', () => {
      const [one, two] = [join(top, 'link-one'), join(top, 'link-two')];
      fs.writeFileSync(one, 'shared');
      fs.linkSync(one, two);
      assert.equal(fs.statSync(one).ino, fs.statSync(two).ino);
      assert.equal(fs.statSync(one).nlink, 2);
      fs.chmodSync(two, 0o640);
      fs.appendFileSync(two, '!');
      assert.equal(fs.statSync(one).mode & 0o777, 0o640);
      assert.equal(fs.readFileSync(one, 'utf8'), 'shared!');
      fs.unlinkSync(one);
      assert.equal(fs.statSync(two).nlink, 1);
      assert.equal(fs.readFileSync(two, 'utf8'), 'shared!');
    });

    test('a directory that takes the place and the number of a removed one is alive', () => {
      // Filesystems give a freed inode number to the next directory at once.
      for (let i = 0; i < 50; i++) {
        const path = join(top, `again-${i % 2}`);
        fs.mkdirSync(path);
        fs.writeFileSync(join(path, 'inside'), String(i));
        fs.rmSync(path, { recursive: true });
      }
    });

    test('names of 255 bytes and of any bytes but / and NUL', () => {
      const long = Buffer.concat([Buffer.from(`${top}/`), Buffer.alloc(255, 0xff)]);
      fs.writeFileSync(long, 'long');
      assert.equal(fs.readFileSync(long, 'utf8'), 'long');
      const tooLong = Buffer.concat([long, Buffer.from('x')]);
      assert.throws(() => fs.writeFileSync(tooLong, ''), { code: 'ENAMETOOLONG' });
      const folder = join(top, 'bytes');
      fs.mkdirSync(folder);
      const names: Buffer[] = [];
      for (let byte = 1; byte < 256; byte++) {
        if (byte !== 0x2f) names.push(Buffer.from([0x6e, byte, 0x6e]));
      }
      for (const name of names) fs.writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), name);
      const listed = fs.readdirSync(folder, { encoding: 'buffer' }).sort(Buffer.compare);
      assert.deepEqual(listed, names.sort(Buffer.compare));
      for (const name of names) {
        assert.deepEqual(fs.readFileSync(Buffer.concat([Buffer.from(`${folder}/`), name])), name);
      }
    });

    test('offsets and sizes above 4 GiB', () => {
      const path = join(top, 'sparse');
      const far = 2 ** 40;
      const fd = fs.openSync(path, 'w+');
      fs.writeSync(fd, Buffer.from('far'), 0, 3, far);
      assert.equal(fs.fstatSync(fd).size, far + 3);
      const back = Buffer.alloc(3);
      fs.readSync(fd, back, 0, 3, far);
      assert.equal(back.toString(), 'far');
      const { blocks } = fs.fstatSync(fd);
      assert.ok(blocks < 100, `a sparse file has ${blocks} blocks`);
      const holes = execFileSync(
        'python3',
        [
          '-c',
          `import os,sys
fd=os.open(sys.argv[1],os.O_RDONLY)
print(os.lseek(fd,0,os.SEEK_DATA)>4096, os.lseek(fd,0,os.SEEK_HOLE))`,
          path,
        ],
        { encoding: 'utf8' },
      );
      assert.equal(holes.trim(), 'True 0');
      fs.closeSync(fd);
      fs.unlinkSync(path);
    });

    test('times keep their nanoseconds, before 1970 too, and chmod moves ctime', () => {
      const path = join(top, 'times');
      fs.writeFileSync(path, '');
      execFileSync('touch', ['-m', '-d', '2001-02-03 04:05:06.123456789 UTC', path]);
      execFileSync('touch', ['-a', '-d', '1960-01-01 00:00:00.5 UTC', path]);
      const stat = fs.statSync(path, { bigint: true });
      assert.equal(stat.mtimeNs, 981173106123456789n);
      assert.equal(stat.atimeNs, -315619199500000000n);
      const host = fs.statSync(join(root, 'times'), { bigint: true });
      assert.deepEqual([host.mtimeNs, host.atimeNs], [stat.mtimeNs, stat.atimeNs]);
      fs.chmodSync(path, 0o700);
      assert.ok(fs.statSync(path, { bigint: true }).ctimeNs > stat.ctimeNs);
    });

    test('extended attributes of any bytes, and their errors', () => {
      const path = join(top, 'attributed');
      fs.writeFileSync(path, '');
      execFileSync('python3', [
        '-c',
        `import os,sys
p=sys.argv[1]
os.setxattr(p,'user.a',bytes(range(256)))
os.setxattr(p,'user.b',b'x'*1000)
assert os.getxattr(p,'user.a')==bytes(range(256))
assert sorted(os.listxattr(p))==['user.a','user.b'], os.listxattr(p)
def errno_of(f):
  try: f()
  except OSError as e: return e.errno
assert errno_of(lambda: os.setxattr(p,'user.a',b'',os.XATTR_CREATE))==17
assert errno_of(lambda: os.setxattr(p,'user.c',b'',os.XATTR_REPLACE))==61
os.removexattr(p,'user.b')
assert errno_of(lambda: os.getxattr(p,'user.b'))==61
assert os.listxattr(p)==['user.a']`,
        path,
      ]);
    });

    test('FIFOs, sockets and devices are made as such, and keep their numbers', () => {
      execFileSync('mkfifo', [join(top, 'fifo')]);
      execFileSync('mknod', [join(top, 'device'), 'c', '1', '300']);
      assert.ok(fs.statSync(join(root, 'fifo')).isFIFO());
      assert.equal(fs.statSync(join(root, 'device')).rdev, fs.statSync(join(top, 'device')).rdev);
      execFileSync('python3', [
        '-c',
        'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])',
        join(top, 'socket'),
      ]);
      assert.ok(fs.statSync(join(root, 'socket')).isSocket());
      const read = execFileSync('sh', ['-c', `(echo through > ${top}/fifo &) ; cat ${top}/fifo`], {
        encoding: 'utf8',
      });
      assert.equal(read, 'through\n');
    });

    test('rename with NOREPLACE and EXCHANGE', () => {
      fs.writeFileSync(join(top, 'left'), 'left');
      fs.mkdirSync(join(top, 'right'));
      fs.writeFileSync(join(top, 'right/child'), 'child');
      const fd = fs.openSync(join(top, 'left'), 'r');
      execFileSync('python3', [
        '-c',
        `import ctypes,os,sys
libc=ctypes.CDLL(None,use_errno=True)
a,b=[os.fsencode(sys.argv[1]+n) for n in ('/left','/right')]
assert libc.renameat2(-100,a,-100,b,1)==-1 and ctypes.get_errno()==17
assert libc.renameat2(-100,a,-100,b,2)==0`,
        top,
      ]);
      assert.equal(fs.readFileSync(join(top, 'left/child'), 'utf8'), 'child');
      assert.equal(fs.readFileSync(join(top, 'right'), 'utf8'), 'left');
      assert.equal(fs.readFileSync(fd, 'utf8'), 'left');
      fs.closeSync(fd);
    });

    test('an unnamed file is invisible until it is linked', () => {
      const folder = join(top, 'unnamed');
      fs.mkdirSync(folder);
      execFileSync('python3', [
        '-c',
        `import os,sys
fd=os.open(sys.argv[1],os.O_TMPFILE|os.O_RDWR,0o600)
os.write(fd,b'unnamed')
assert os.listdir(sys.argv[1])==[]
import ctypes
AT_FDCWD, AT_SYMLINK_FOLLOW = -100, 0x400
assert ctypes.CDLL(None).linkat(AT_FDCWD,b'/proc/self/fd/%d'%fd,AT_FDCWD,os.fsencode(sys.argv[1])+b'/named',AT_SYMLINK_FOLLOW)==0`,
        folder,
      ]);
      assert.equal(fs.readFileSync(join(folder, 'named'), 'utf8'), 'unnamed');
      assert.equal(fs.statSync(join(root, 'unnamed/named')).mode & 0o777, 0o600);
    });

    test('holes are punched and space is reserved', () => {
      const path = join(top, 'holes');
      fs.writeFileSync(path, Buffer.alloc(1 << 20, 1));
      execFileSync('fallocate', ['--punch-hole', '--offset', '65536', '--length', '131072', path]);
      execFileSync('fallocate', ['--keep-size', '--offset', '1048576', '--length', '65536', path]);
      const content = fs.readFileSync(path);
      assert.equal(content.length, 1 << 20);
      assert.ok(content.subarray(65536, 65536 + 131072).every((byte) => byte === 0));
      assert.ok(content.subarray(0, 65536).every((byte) => byte === 1));
    });

    test('a range is copied inside the host', () => {
      const path = join(top, 'copied');
      fs.writeFileSync(path, 'some content to copy');
      execFileSync('python3', [
        '-c',
        `import os,sys
a=os.open(sys.argv[1],os.O_RDONLY); b=os.open(sys.argv[1]+'2',os.O_RDWR|os.O_CREAT)
assert os.copy_file_range(a,b,7,5,2)==7`,
        path,
      ]);
      assert.equal(fs.readFileSync(`${path}2`, 'latin1'), '\0\0content');
    });

    test('what the host changes behind the mount shows, and a replaced file is a new inode', () => {
      const path = join(top, 'behind');
      fs.writeFileSync(path, 'one');
      const before = fs.statSync(path).ino;
      fs.writeFileSync(join(root, 'behind.new'), 'two!');
      fs.renameSync(join(root, 'behind.new'), join(root, 'behind'));
      execFileSync('sleep', ['1.1']); // the kernel may believe what it knows for a second
      assert.equal(fs.readFileSync(path, 'utf8'), 'two!');
      assert.notEqual(fs.statSync(path).ino, before);
    });

    test('a directory swapped for a link on the host does not lead the agent elsewhere', () => {
      const outside = mounts.directory('outside');
      fs.writeFileSync(join(outside, 'secret'), 'secret');
      fs.mkdirSync(join(top, 'swapped'));
      fs.writeFileSync(join(top, 'swapped/inner'), 'inner');
      const cwd = fs.openSync(join(top, 'swapped'), fs.constants.O_RDONLY);
      fs.renameSync(join(root, 'swapped'), join(root, 'moved-away'));
      fs.symlinkSync(outside, join(root, 'swapped'));
      // It is found by its new name, and has no such file.
      assert.throws(() => fs.readFileSync(`/proc/self/fd/${cwd}/secret`), { errno: -2 });
      fs.closeSync(cwd);
    });

    test('whoever unmounts finds the agent ending well and saying nothing', async () => {
      await kernel.unmount();
    });
  });
}
