/** Why the kernel does not mount, in one sentence for people. */
export class MountError extends Error {
  override readonly name = 'MountError';
}
