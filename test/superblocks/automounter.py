"""A small automounter: python3 automounter.py PLACE direct|indirect [KEY]...

Mounts an autofs of the kernel on PLACE, with a folder for each KEY, and says "ready". For whatever the kernel asks it to
mount it says "asked NAME", mounts a tmpfs with a file "inside", and answers. Ends with its standard input.
(Documentation/filesystems/autofs.rst, linux/auto_fs.h)
"""
import ctypes
import fcntl
import os
import select
import struct
import sys

place, kind, *keys = sys.argv[1:]
READY, FAIL = 0x9360, 0x9361
MNT_DETACH = 2
MISSING_INDIRECT, MISSING_DIRECT = 3, 5
libc = ctypes.CDLL(None, use_errno=True)


def mount(source, at, fstype, options):
    if libc.mount(source.encode(), at.encode(), fstype.encode(), 0, options.encode()) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), at)


# The kernel lets this process group through, and asks it for everybody else.
os.setpgrp()
requests, kernel_end = os.pipe()
mount("automounter", place, "autofs", f"fd={kernel_end},pgrp={os.getpgrp()},minproto=5,maxproto=5,{kind}")
os.close(kernel_end)
root = os.open(place, os.O_RDONLY)
mounted = []
try:
    for key in keys:
        os.mkdir(os.path.join(place, key))
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([requests, sys.stdin], [], [])
        if sys.stdin in ready:
            break
        packet = os.read(requests, 512)
        # autofs_v5_packet: version i32, type i32, token u32, dev u32, ino u64, uid, gid, pid, tgid, len u32, name
        _version, what, token, _dev, _ino, _uid, _gid, _pid, _tgid, length = struct.unpack_from("<iiIIQIIIII", packet)
        name = packet[44 : 44 + length].decode()
        if what not in (MISSING_INDIRECT, MISSING_DIRECT):
            fcntl.ioctl(root, FAIL, token)
            continue
        at = place if what == MISSING_DIRECT else os.path.join(place, name)
        print("asked", os.path.basename(at), flush=True)
        if what == MISSING_INDIRECT and name not in keys:
            fcntl.ioctl(root, FAIL, token)
            continue
        mount("tmpfs", at, "tmpfs", "size=1m")
        mounted.append(at)
        with open(os.path.join(at, "inside"), "w") as inside:
            inside.write("mounted")
        fcntl.ioctl(root, READY, token)
finally:
    os.close(root)
    for at in [*reversed(mounted), place]:
        libc.umount2(at.encode(), MNT_DETACH)
