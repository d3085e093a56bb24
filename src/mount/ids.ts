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
