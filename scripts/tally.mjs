// A node:test reporter that only counts: one JSON line with what passed, what failed, and how long each file took.
export default async function* tally(events) {
  const counted = { passed: 0, failed: 0, failures: [], files: {} };
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.nesting === 0 && data.file) {
      counted.files[data.file] = (counted.files[data.file] ?? 0) + data.details.duration_ms;
    }
    if (data.details?.type === 'suite') continue;
    if (type === 'test:pass') {
      counted.passed++;
      continue;
    }
    counted.failed++;
    counted.failures.push(`${data.file ?? ''}: ${data.name}`);
  }
  yield `${JSON.stringify(counted)}\n`;
}
