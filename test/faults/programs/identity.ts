// Prints the name of this process and stays until its input ends, or says whether the process of the name given may be
// alive. Bundled by the test.
import { mayBeAlive, processName } from '../../../src/agent/processIdentity';

const [name] = process.argv.slice(2);
if (name === undefined) {
  console.log(processName());
  process.stdin.resume();
} else {
  console.log(mayBeAlive(name) ? 'may be alive' : 'dead');
}
