/** The words of whatever was thrown. They may be a host's or another program's, so they are made fit to show before a person reads them. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What was thrown, as an Error; a thrown value that is none becomes the message of one. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
