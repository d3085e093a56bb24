import type { HostMount } from '../../server/host/hostFs';

const LOCAL = new Set(
  `ext2 ext3 ext4 xfs btrfs tmpfs ramfs devtmpfs overlay zfs f2fs bcachefs jfs reiserfs nilfs2 minix vfat msdos exfat
  ntfs3 ntfs hfs hfsplus udf iso9660 squashfs erofs cramfs romfs ubifs jffs2 aufs ecryptfs rootfs shiftfs`.split(
    /\s+/,
  ),
);

const PSEUDO = new Set(
  `proc sysfs devpts cgroup cgroup2 debugfs tracefs securityfs pstore bpf configfs mqueue hugetlbfs binfmt_misc
  efivarfs fusectl nsfs rpc_pipefs selinuxfs nfsd resctrl`.split(/\s+/),
);

/**
 * How a filesystem is to be treated. Whatever is not known to be on this machine counts as a network: others may
 * write to it, and it may keep a caller waiting for ever (nfs, cifs, ceph, lustre, 9p, virtiofs, gfs2, ...).
 */
export function kindOf(fstype: string): HostMount['kind'] {
  if (LOCAL.has(fstype)) return 'local';
  if (PSEUDO.has(fstype)) return 'pseudo';
  if (fstype === 'autofs') return 'autofs';
  if (fstype === 'fuse' || fstype === 'fuseblk' || fstype.startsWith('fuse.')) return 'fuse';
  return 'network';
}

/** What tells one inode from the next that gets its number. */
export type GenerationSource = 'handle' | 'btime' | 'none';

/**
 * Local filesystems keep a generation in the file handle. Of others the birth time does, where they have one. An
 * overlay's copy-up changes both while the file stays the same, so its number is all there is.
 */
export function generationSource(mount: Pick<HostMount, 'kind' | 'fstype'>): GenerationSource {
  if (mount.fstype === 'overlay' || mount.fstype === 'aufs') return 'none';
  if (mount.kind === 'pseudo' || mount.kind === 'autofs') return 'none';
  return mount.kind === 'local' ? 'handle' : 'btime';
}
