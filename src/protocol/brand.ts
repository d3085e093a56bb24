/** Gives a primitive a name of its own, so that two numbers that look alike can't be swapped. */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Stands for one inode on one connection; 1 is the root, 0 means "none". Never reused while the session lives. */
export type NodeId = Brand<bigint, 'NodeId'>;
/** An open file or directory on the server. */
export type Fh = Brand<bigint, 'Fh'>;
/** Names a request on its connection; bit 0 marks INTERRUPT, bit 63 RESEND. Not below 2^53: never a number. */
export type Unique = Brand<bigint, 'Unique'>;
/** Tells two inodes apart that had the same number at different times. */
export type Generation = Brand<bigint, 'Generation'>;
/** Names one mount of the host for the life of the agent: the host's (unique, where it has them) mount id. */
export type SuperblockId = Brand<bigint, 'SuperblockId'>;
/** A set of fsnotify event bits (mask.ts). */
export type Mask = Brand<number, 'Mask'>;

/** The root of the served tree (FUSE_ROOT_ID). */
export const ROOT_ID = 1n as NodeId;
/** "No node": a negative entry, or a record without a lookup. */
export const NO_NODE = 0n as NodeId;
export const NO_FH = 0n as Fh;
