/** renameat2(2) flags, which travel in RENAME2. */
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;
