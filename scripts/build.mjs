// Bundles the three programs of this package: the extension, the host agent, the command line.
import { build } from 'esbuild';
import { fillNatives } from './natives.mjs';

/** What each bundle is made of. `dist/agent.js` must run on the host's Node 18; the names are relied on by other tools. */
const bundles = [
  {
    entryPoints: ['src/extension/extension.ts'],
    outfile: 'dist/extension.js',
    target: 'node20',
    external: ['vscode'],
  },
  { entryPoints: ['src/agent/main.ts'], outfile: 'dist/agent.js', target: 'node18' },
  {
    entryPoints: ['src/cli/main.ts'],
    outfile: 'dist/cli.js',
    target: 'node20',
    banner: { js: '#!/usr/bin/env node' },
  },
];

for (const bundle of bundles) {
  await build({
    bundle: true,
    platform: 'node',
    format: 'cjs',
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
    loader: { '.node': 'empty' },
    ...bundle,
  });
}

fillNatives([process.arch]);
