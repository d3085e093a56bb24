import { ErrnoError } from '../../protocol/errno';

/**
 * Names that go into a command line as a word of their own. Git refuses to make most bad names, but a repository can hold
 * refs that other programs wrote, and a remote's name stands in a file that anybody who may write there edits: what
 * starts with a hyphen would be an option. (git-check-ref-format(1))
 */
const NOT_IN_A_REF = /[\p{Cc} ~^:?*[\\]|\.\.|@\{|\/\/|^[-/.]|\/\.|\.lock(?:\/|$)|[/.]$|^@$/u;

/** A branch, tag or full ref; EINVAL for what git would not make. */
export function refName(name: string): string {
  if (name.length === 0 || name.length > 1000 || NOT_IN_A_REF.test(name)) {
    throw new ErrnoError('EINVAL', `"${name}" is not a name that git takes for a branch or tag`);
  }
  return name;
}

/** The hash of an object, whole or shortened. */
export function objectName(name: string): string {
  if (!/^[0-9a-f]{4,64}$/.test(name))
    throw new ErrnoError('EINVAL', `"${name}" is not the name of an object`);
  return name;
}

/** A ref, an object, a stash, or the first parent of one. */
export function revisionName(name: string): string {
  const parent = /\^$/.test(name) ? '^' : '';
  const base = parent === '' ? name : name.slice(0, -1);
  const stash = /^stash@\{(\d{1,6})\}$/.exec(base)?.[1];
  return (stash !== undefined ? stashName(Number(stash)) : refName(base)) + parent;
}

/** The n-th stash. */
export function stashName(index: number): string {
  if (!Number.isSafeInteger(index) || index < 0) throw new ErrnoError('EINVAL', `there is no stash ${index}`);
  return `stash@{${index}}`;
}

/**
 * Where to clone from. Git's `ext::` runs any command and a leading hyphen is an option (CVE-2017-1000117 began so): only
 * the transports people use, paths of the host, and host:path pass.
 */
export function cloneSource(address: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
  const bad =
    address.length === 0 ||
    address.length > 4096 ||
    /\p{Cc}/u.test(address) ||
    address.includes('::') ||
    // A user or host that begins with a hyphen would be an option of ssh.
    /(?:^|\/\/|@)-/.test(address) ||
    (scheme !== undefined && !['https', 'http', 'ssh', 'git', 'file'].includes(scheme));
  if (bad) throw new ErrnoError('EINVAL', `"${address}" is not an address that git can clone from`);
  return address;
}
