import type { Vfs } from '../client/vfs';

/** A line of passwd(5) or group(5). */
export interface Account {
  readonly name: string;
  readonly id: number;
  readonly home: string;
}

/** Lists of accounts above this are not read: a number says it as well. */
const LIST_BYTES_MAX = 4 << 20;

export function parsePasswd(text: string): Account[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , id = '', , , home = ''] = line.split(':');
    return name !== '' && /^\d{1,10}$/.test(id) ? [{ name, id: Number(id), home }] : [];
  });
}

/** Names of the host's users and groups, by id; an id that the host's files do not name stands for itself. */
export class Names {
  private constructor(
    private readonly users: ReadonlyMap<number, string>,
    private readonly groups: ReadonlyMap<number, string>,
  ) {}

  /** Numbers alone. */
  static readonly none = new Names(new Map(), new Map());

  static async of(vfs: Pick<Vfs, 'stat' | 'readFile'>): Promise<Names> {
    const [users, groups] = await Promise.all(
      ['/etc/passwd', '/etc/group'].map((path) => namesIn(vfs, path)),
    );
    return new Names(users ?? new Map(), groups ?? new Map());
  }

  user(id: number): string {
    return this.users.get(id) ?? `${id}`;
  }

  group(id: number): string {
    return this.groups.get(id) ?? `${id}`;
  }
}

async function namesIn(
  vfs: Pick<Vfs, 'stat' | 'readFile'>,
  path: string,
): Promise<ReadonlyMap<number, string>> {
  const names = new Map<number, string>();
  try {
    if ((await vfs.stat(path)).size > LIST_BYTES_MAX) return names;
    // The first line of an id counts, as for getpwuid(3).
    for (const { name, id } of parsePasswd((await vfs.readFile(path)).toString('utf8')))
      if (!names.has(id)) names.set(id, name);
  } catch {
    // Without the lists the numbers are shown.
  }
  return names;
}
