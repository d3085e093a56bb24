/** User and group ids as the mount shows them and as the host has them. */
export interface Ids {
  uidHere(uid: number): number;
  gidHere(gid: number): number;
  uidThere(uid: number): number;
  gidThere(gid: number): number;
}

const asTheyAre = (id: number) => id;

/** The host's numbers, unchanged. */
export const SAME_IDS: Ids = {
  uidHere: asTheyAre,
  gidHere: asTheyAre,
  uidThere: asTheyAre,
  gidThere: asTheyAre,
};

/** Ids by name, as passwd(5) or group(5) of one machine has them. */
export type IdList = ReadonlyMap<string, number>;

/**
 * Who has the same name is the same here and there, whatever the numbers are. A number without a name on either side stays
 * as it is, unless it is somebody else's on the other side: then it is `nobody`'s.
 */
export function idsByName(
  users: { readonly here: IdList; readonly there: IdList },
  groups: { readonly here: IdList; readonly there: IdList },
): Ids {
  return {
    uidHere: mapping(users.there, users.here),
    gidHere: mapping(groups.there, groups.here),
    uidThere: mapping(users.here, users.there),
    gidThere: mapping(groups.here, groups.there),
  };
}

/** The kernel's own number for who can't be told. (fs.overflowuid) */
const NOBODY = 65534;

function mapping(from: IdList, to: IdList): (id: number) => number {
  const names = new Map<number, string>();
  // The first line of an id counts, as for getpwuid(3).
  for (const [name, id] of from) if (!names.has(id)) names.set(id, name);
  const taken = new Set(to.values());
  return (id) => {
    const name = names.get(id);
    const same = name === undefined ? undefined : to.get(name);
    if (same !== undefined) return same;
    return taken.has(id) ? NOBODY : id;
  };
}
