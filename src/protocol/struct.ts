import { ErrnoError } from './errno';

/** One value of fixed size at a fixed place in a frame. Little-endian, as FUSE is on every host we serve. */
export interface Field<T> {
  readonly size: number;
  /** The C type, for the generated tables of docs/protocol.md. */
  readonly type: string;
  read(from: Buffer, at: number): T;
  write(to: Buffer, at: number, value: T): void;
}

type ValueOf<F> = F extends Field<infer T> ? T : never;
export type StructValue<F> = { -readonly [K in keyof F]: ValueOf<F[K]> };

export const u8: Field<number> = {
  size: 1,
  type: 'u8',
  read: (from, at) => from[at] as number,
  write: (to, at, value) => {
    to[at] = value;
  },
};
export const u16: Field<number> = {
  size: 2,
  type: 'u16',
  read: (from, at) => from.readUInt16LE(at),
  write: (to, at, value) => void to.writeUInt16LE(value, at),
};
export const u32: Field<number> = {
  size: 4,
  type: 'u32',
  read: (from, at) => from.readUInt32LE(at),
  write: (to, at, value) => void to.writeUInt32LE(value >>> 0, at),
};
export const i32: Field<number> = {
  size: 4,
  type: 'i32',
  read: (from, at) => from.readInt32LE(at),
  write: (to, at, value) => void to.writeInt32LE(value, at),
};
export const u64: Field<bigint> = {
  size: 8,
  type: 'u64',
  read: (from, at) => from.readBigUInt64LE(at),
  write: (to, at, value) => void to.writeBigUInt64LE(BigInt.asUintN(64, value), at),
};
export const i64: Field<bigint> = {
  size: 8,
  type: 'i64',
  read: (from, at) => from.readBigInt64LE(at),
  write: (to, at, value) => void to.writeBigInt64LE(BigInt.asIntN(64, value), at),
};

/** A u64 or u32 that carries a branded meaning; the bytes are the same. */
export function branded<T extends bigint | number>(field: Field<bigint> | Field<number>): Field<T> {
  return field as unknown as Field<T>;
}

/** Reserved bytes: written as zeros, ignored when read. */
export function reserved(size: number): Field<undefined> {
  return {
    size,
    type: `u8[${size}]`,
    read: () => undefined,
    write: (to, at) => void to.fill(0, at, at + size),
  };
}

/** Bytes of a fixed length, copied. */
export function bytes(size: number): Field<Buffer> {
  return {
    size,
    type: `u8[${size}]`,
    read: (from, at) => Buffer.from(from.subarray(at, at + size)),
    write: (to, at, value) => {
      to.fill(0, at, at + size);
      value.copy(to, at, 0, size);
    },
  };
}

interface Place {
  readonly name: string;
  readonly at: number;
  readonly field: Field<unknown>;
}

/**
 * A C struct of fixed layout: fields in order, no implicit padding (the structs of linux/fuse.h pad explicitly).
 * Fields whose name starts with `_` are reserved: optional when written.
 */
export class Struct<T> implements Field<T> {
  readonly type: string;
  readonly size: number;
  readonly layout: readonly Place[];
  /** The fields that carry a value: all but the reserved ones. */
  private readonly carried: readonly Place[];

  constructor(
    readonly name: string,
    fields: Record<string, Field<unknown>>,
  ) {
    this.type = name;
    let at = 0;
    this.layout = Object.entries(fields).map(([fieldName, field]) => {
      const place = { name: fieldName, at, field };
      at += field.size;
      return place;
    });
    this.size = at;
    this.carried = this.layout.filter((place) => !isReserved(place));
  }

  read(from: Buffer, at: number): T {
    if (at + this.size > from.length) {
      throw new ErrnoError(
        'EINVAL',
        `${this.name} needs ${this.size} bytes, the frame has ${from.length - at}`,
      );
    }
    const value: Record<string, unknown> = {};
    for (const place of this.carried) value[place.name] = place.field.read(from, at + place.at);
    return value as T;
  }

  write(to: Buffer, at: number, value: T): void {
    const values = value as Record<string, unknown>;
    for (const place of this.layout) {
      if (isReserved(place)) to.fill(0, at + place.at, at + place.at + place.field.size);
      else place.field.write(to, at + place.at, values[place.name]);
    }
  }

  encode(value: T): Buffer {
    const to = Buffer.allocUnsafe(this.size);
    this.write(to, 0, value);
    return to;
  }

  decode(from: Buffer): T {
    return this.read(from, 0);
  }

  /** Where a field stands in the struct, in bytes from its start. */
  offsetOf(fieldName: keyof T & string): number {
    const place = this.layout.find((candidate) => candidate.name === fieldName);
    if (place === undefined) throw new TypeError(`${this.name} has no field ${fieldName}`);
    return place.at;
  }
}

const UNDERSCORE = '_'.charCodeAt(0);
function isReserved(place: Place): boolean {
  return place.name.charCodeAt(0) === UNDERSCORE;
}

type PublicKeys<F> = { [K in keyof F]: K extends `_${string}` ? never : K }[keyof F];

/** Declares a struct; the value type follows from the fields. */
export function struct<F extends Record<string, Field<unknown>>>(
  name: string,
  fields: F,
): Struct<StructValue<Pick<F, PublicKeys<F>>>> {
  return new Struct(name, fields);
}

/** The value a struct (or field) carries. */
export type Value<S> = S extends Field<infer T> ? T : never;
