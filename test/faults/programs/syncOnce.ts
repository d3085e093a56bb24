// Takes the threads that the agent takes, and puts a file on disk with them. Bundled by the test that starts it.
import { openSync, writeSync } from 'node:fs';
import { fsync } from '../../../src/agent/libc/files';
import { runAsync } from '../../../src/agent/libc/op';
import { threadBudget } from '../../../src/agent/threadBudget';

process.env.UV_THREADPOOL_SIZE ??= String(threadBudget());
const fd = openSync(process.argv[2] ?? '', 'w');
writeSync(fd, 'x');
runAsync(fsync(fd, false)).then(
  () => console.log('on disk'),
  (error) => console.log(String(error)),
);
