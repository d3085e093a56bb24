import { readdirSync } from 'node:fs';
import { matchesPattern } from './patterns';

/** Paths that match an absolute pattern with `*` and `?` in its components, sorted, as glob(7) gives them. */
export function globFiles(pattern: string): string[] {
  let found = [''];
  for (const component of pattern.split('/').slice(1)) {
    found = found.flatMap((folder) => {
      if (!/[*?]/.test(component)) return [`${folder}/${component}`];
      return namesIn(folder || '/')
        .filter(
          (name) => name.startsWith('.') === component.startsWith('.') && matchesPattern(name, component),
        )
        .map((name) => `${folder}/${name}`);
    });
  }
  return found;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // A pattern without a match is no error.
  }
}
