import { parentPort } from 'node:worker_threads';
import { close, readQuietly } from '../../agent/libc/files';
import { POLLIN } from '../../agent/libc/flags';
import { runSync } from '../../agent/libc/op';
import { eventfd, PollSet } from '../../agent/libc/poll';
import { Errno } from '../../protocol/errno';
import type { ReaderReport, ReaderStart } from './threadProtocol';

/** The largest request: 1 MiB of data, and what the kernel wants to find room for beside it. (FUSE_MIN_READ_BUFFER) */
const REQUEST_BYTES = (1 << 20) + 8192;

/** The reader's whole life: each read(2) of /dev/fuse is one request. (linux/fuse.h) */
export function runReader({ device, control }: ReaderStart): void {
  // Its first call binds close(2), which while the process exits would abort it.
  runSync(close(runSync(eventfd())));
  const room = Buffer.allocUnsafeSlow(REQUEST_BYTES);
  const poll = new PollSet([
    { fd: device, events: POLLIN },
    { fd: control, events: POLLIN },
  ]);
  const post = (report: ReaderReport) =>
    parentPort?.postMessage(report, 'frame' in report ? [report.frame.buffer as ArrayBuffer] : []);
  for (;;) {
    const length = runSync(readQuietly(device, room));
    if (length > 0) {
      const frame = new Uint8Array(length);
      frame.set(room.subarray(0, length));
      post({ frame });
      continue;
    }
    switch (-length) {
      case Errno.EAGAIN:
        runSync(poll.wait(undefined));
        if (poll.ready(1) === 0) continue;
        post({ ended: 'stopped' });
        return;
      case Errno.EINTR:
      // The request was interrupted before it was read.
      case Errno.ENOENT:
        continue;
      case Errno.ENODEV:
      case Errno.ECONNABORTED:
        post({ ended: 'unmounted' });
        return;
      default:
        post({ ended: -length });
        return;
    }
  }
}
