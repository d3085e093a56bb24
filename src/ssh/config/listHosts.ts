import { readFileSync } from 'node:fs';
import { parseConfig } from './configLine';
import { type ConfigFile, configFiles, includedFiles } from './configReader';
import { type LocalMachine, localMachine } from './localMachine';
import { isHostName } from './target';
import { expandPath, tokensWithoutHost } from './tokens';

/** The aliases that `Host` lines name without a wildcard, in the order of the files, each once; for a picker. */
export function listHosts(configFile?: string, machine: LocalMachine = localMachine()): string[] {
  const seen = new Set<string>();
  const hosts = new Set<string>();
  const read = (file: ConfigFile) => {
    if (seen.has(file.path)) return;
    seen.add(file.path);
    for (const { keyword, args } of parseConfig(textOf(file.path))) {
      if (keyword === 'host') {
        for (const pattern of args) if (isHostName(pattern)) hosts.add(pattern);
      } else if (keyword === 'include') {
        for (const arg of args) {
          const pattern = includedBy(arg, machine);
          if (pattern === undefined) continue;
          for (const path of includedFiles(pattern, file, machine))
            read({ path, includeFolder: file.includeFolder });
        }
      }
    }
  };
  for (const file of configFiles(machine, configFile)) read(file);
  return [...hosts];
}

/** The pattern of an Include with `~` and variables replaced; nothing where that needs a host, which is not chosen yet. */
function includedBy(arg: string, machine: LocalMachine): string | undefined {
  try {
    return expandPath(arg, tokensWithoutHost(machine), machine.env);
  } catch {
    return undefined;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // OpenSSH takes a missing file for an empty one.
  }
}
