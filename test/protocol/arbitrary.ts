import * as fc from 'fast-check';
import { Struct } from '../../src/protocol/struct';

/** Values of a field, by the C type it is declared as. */
function valuesOf(type: string, size: number): fc.Arbitrary<unknown> {
  switch (type) {
    case 'u8':
      return fc.integer({ min: 0, max: 0xff });
    case 'u16':
      return fc.integer({ min: 0, max: 0xffff });
    case 'u32':
      return fc.integer({ min: 0, max: 0xffffffff });
    case 'i32':
      return fc.integer({ min: -0x80000000, max: 0x7fffffff });
    case 'u64':
      return fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    case 'i64':
      return fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });
    default:
      return fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => Buffer.from(bytes));
  }
}

/** Values of a struct: any for each field that carries one. */
export function structValues<T>(layout: Struct<T>): fc.Arbitrary<T> {
  const fields = layout.layout
    .filter(({ name }) => !name.startsWith('_'))
    .map(({ name, field }) => {
      const values =
        field instanceof Struct ? structValues(field as Struct<unknown>) : valuesOf(field.type, field.size);
      return [name, values] as const;
    });
  return fc.record(Object.fromEntries(fields), { noNullPrototype: true }) as fc.Arbitrary<T>;
}

/** Bytes that can be a name: no NUL, no slash, not the directory above. */
export const names: fc.Arbitrary<Buffer> = fc
  .uint8Array({ minLength: 1, maxLength: 255 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte))))
  .filter((name) => name.toString('latin1') !== '..');

/** Bytes that can be a path below a root, '' included. */
export const paths: fc.Arbitrary<Buffer> = fc
  .array(names, { maxLength: 4 })
  .map((parts) => Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [Buffer.from('/'), part]))));
