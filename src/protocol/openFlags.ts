/**
 * open(2) flags as they travel: those of x86-64 and the asm-generic table. The host's own numbers (arm64 has other
 * ones for DIRECTORY, NOFOLLOW, DIRECT and LARGEFILE) are the agent's business.
 */
export const OpenFlag = {
  ACCMODE: 0o3,
  RDONLY: 0,
  WRONLY: 0o1,
  RDWR: 0o2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DSYNC: 0o10000,
  DIRECT: 0o40000,
  LARGEFILE: 0o100000,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
  NOATIME: 0o1000000,
  CLOEXEC: 0o2000000,
  SYNC: 0o4010000,
  PATH: 0o10000000,
} as const;
