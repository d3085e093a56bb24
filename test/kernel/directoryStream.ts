/** Python that reads the directory it is called with, which it works in: `seen` is each position with its name, `name` reads on. */
export const READ_POSITIONS = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.fdopendir.restype = libc.readdir.restype = ctypes.c_void_p
libc.telldir.restype = ctypes.c_long
for f in (libc.readdir, libc.telldir, libc.seekdir, libc.rewinddir): f.argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
os.chdir(sys.argv[1])
d = libc.fdopendir(os.open('.', os.O_RDONLY))
def name():
    e = libc.readdir(d)
    return ctypes.string_at(e + 19) if e else None
seen = []
while True:
    at = libc.telldir(d)
    n = name()
    if n is None: break
    seen.append((at, n))
`;
