import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import * as fuse from '../../src/protocol/fuse';
import * as livemount from '../../src/protocol/livemount';
import { ErrnoError } from '../../src/protocol/errno';
import { ops } from '../../src/protocol/opcodes';
import { Struct } from '../../src/protocol/struct';
import { structValues } from './arbitrary';

const declared: readonly unknown[] = [...Object.values(fuse), ...Object.values(livemount)];
const structs = declared.filter((value): value is Struct<unknown> => value instanceof Struct);

/** What linux/fuse.h 7.45 says, in bytes. */
const SIZES: Readonly<Record<string, number>> = {
  fuse_in_header: 40,
  fuse_out_header: 16,
  fuse_attr: 88,
  fuse_entry_out: 128,
  fuse_attr_out: 104,
  fuse_open_out: 16,
  fuse_forget_in: 8,
  fuse_forget_one: 16,
  fuse_batch_forget_in: 8,
  fuse_getattr_in: 16,
  fuse_setattr_in: 88,
  fuse_mknod_in: 16,
  fuse_mkdir_in: 8,
  fuse_rename_in: 8,
  fuse_rename2_in: 16,
  fuse_link_in: 8,
  fuse_open_in: 8,
  fuse_create_in: 16,
  fuse_read_in: 40,
  fuse_write_in: 40,
  fuse_write_out: 8,
  fuse_kstatfs: 80,
  fuse_release_in: 24,
  fuse_flush_in: 24,
  fuse_fsync_in: 16,
  fuse_setxattr_in: 16,
  fuse_getxattr_in: 8,
  fuse_getxattr_out: 8,
  fuse_file_lock: 24,
  fuse_lk_in: 48,
  fuse_access_in: 8,
  fuse_interrupt_in: 8,
  fuse_init_in: 64,
  fuse_init_out: 64,
  fuse_ioctl_in: 32,
  fuse_poll_in: 24,
  fuse_fallocate_in: 32,
  fuse_lseek_in: 24,
  fuse_lseek_out: 8,
  fuse_copy_file_range_in: 56,
  fuse_copy_file_range_out: 8,
  fuse_syncfs_in: 8,
  fuse_statx_in: 24,
  fuse_statx: 256,
  fuse_statx_out: 288,
  fuse_dirent: 24,
};

test("the kernel's structs have the kernel's sizes", () => {
  const sizes = new Map(structs.map((one) => [one.name, one.size]));
  for (const [name, size] of Object.entries(SIZES)) assert.equal(sizes.get(name), size, name);
});

test('our own structs keep what follows them aligned to 8', () => {
  for (const one of structs) {
    if (!one.name.startsWith('lm_')) continue;
    // lm_compound_sub and the like stand in front of records that start at multiples of 8.
    assert.equal(one.size % 8, 0, `${one.name} has ${one.size} bytes`);
  }
});

for (const layout of structs) {
  test(`${layout.name} decodes to what was encoded, and leaves its reserved bytes zero`, () => {
    fc.assert(
      fc.property(structValues(layout), (value) => {
        const bytes = layout.encode(value);
        assert.equal(bytes.length, layout.size);
        assert.deepEqual(layout.decode(bytes), value);
        for (const { name, at, field } of layout.layout) {
          if (name.startsWith('_'))
            assert.ok(
              bytes.subarray(at, at + field.size).every((byte) => byte === 0),
              name,
            );
        }
      }),
      { numRuns: 50 },
    );
  });

  test(`${layout.name} is not read over the end of a frame`, () => {
    for (let length = 0; length < layout.size; length++) {
      assert.throws(() => layout.decode(Buffer.alloc(length)), ErrnoError);
    }
  });
}

test('every operation whose reply holds an entry or a handle says that it gives it', () => {
  const giving: readonly unknown[] = [fuse.EntryOut, fuse.OpenOut, fuse.CreateOut];
  for (const [name, { out, gives }] of Object.entries(ops)) {
    if (giving.includes(out)) assert.notEqual(gives, undefined, name);
  }
});

test('no operation that may simply be repeated changes what others see', () => {
  const repeated = Object.entries(ops).filter(({ 1: { repeatable, changes } }) => repeatable && changes);
  assert.deepEqual(repeated, []);
});
