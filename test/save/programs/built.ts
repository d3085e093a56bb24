import { join } from 'node:path';
import { buildSync } from 'esbuild';

/** Builds a program of this folder, so that starting it takes no compiler. Gives the path of what node is to run. */
export function built(name: string): string {
  // Below node_modules: where the agent's search for its native part finds it.
  const outfile = join(__dirname, '../../../node_modules/.cache/livemount-test', `${name}.cjs`);
  buildSync({
    entryPoints: [join(__dirname, `${name}.ts`)],
    bundle: true,
    platform: 'node',
    target: 'node20',
    outfile,
    logLevel: 'error',
    external: ['koffi'],
  });
  return outfile;
}
