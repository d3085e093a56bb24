// Claims the private folder named by its argument, and says which one it got. Bundled by the tests that start it.
import { claimPrivateFolder } from '../../../src/agent/daemon/privateFolder';

try {
  console.log(claimPrivateFolder(process.argv[2] ?? ''));
} catch {
  console.log('refused');
}
