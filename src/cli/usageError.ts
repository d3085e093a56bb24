/** The command line cannot be understood: exit status 2, with the command's usage. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
