/** Matchers that tasks name as built in; those of an installed extension of the same name take their place. */
export const USUAL_MATCHERS = {
  problemMatchers: [
    {
      name: 'gcc',
      owner: 'cpp',
      source: 'gcc',
      fileLocation: 'auto',
      pattern: {
        regexp: '^(.*?):(\\d+):(?:(\\d*):)?\\s+(?:fatal\\s+)?(warning|error|note):\\s+(.*)$',
        file: 1,
        line: 2,
        column: 3,
        severity: 4,
        message: 5,
      },
    },
    {
      name: 'go',
      owner: 'go',
      source: 'go',
      fileLocation: 'relative',
      pattern: {
        regexp: '^(?:vet: )?([^:\\s][^:]*\\.go):(\\d+):(?:(\\d+):)?\\s+(.*)$',
        file: 1,
        line: 2,
        column: 3,
        message: 4,
      },
    },
    {
      name: 'rustc',
      owner: 'rustc',
      source: 'rustc',
      fileLocation: 'relative',
      pattern: [
        { regexp: '^(warning|error)(?:\\[(.*?)\\])?: (.*)$', severity: 1, code: 2, message: 3 },
        { regexp: '^\\s*-->\\s+(.*?):(\\d+):(\\d+)$', file: 1, line: 2, column: 3 },
      ],
    },
    {
      name: 'tsc',
      owner: 'typescript',
      source: 'ts',
      fileLocation: 'relative',
      pattern: {
        regexp:
          '^([^\\s].*)[(:](\\d+)[,:](\\d+)(?:\\):\\s+|\\s+-\\s+)(error|warning|info)\\s+(TS\\d+)\\s*:\\s*(.*)$',
        file: 1,
        line: 2,
        column: 3,
        severity: 4,
        code: 5,
        message: 6,
      },
    },
    {
      name: 'tsc-watch',
      base: '$tsc',
      background: {
        beginsPattern:
          '^\\s*(?:message TS6032:|\\[?\\D*.{1,2}[:.].{1,2}[:.].{1,2}\\D*(?:├\\D*\\d{1,2}\\D+┤)?(?:\\]| -)) (?:Starting compilation in watch mode|File change detected)',
        endsPattern: '(?:Compilation complete\\.|Found \\d+ errors?\\.) Watching for file changes',
      },
    },
    {
      name: 'eslint-compact',
      owner: 'eslint',
      source: 'eslint',
      fileLocation: 'auto',
      pattern: {
        regexp: '^(.+):\\sline\\s(\\d+),\\scol\\s(\\d+),\\s(Error|Warning|Info)\\s-\\s(.+)\\s\\((.+)\\)$',
        file: 1,
        line: 2,
        column: 3,
        severity: 4,
        message: 5,
        code: 6,
      },
    },
    {
      name: 'eslint-stylish',
      owner: 'eslint',
      source: 'eslint',
      fileLocation: 'absolute',
      pattern: [
        { regexp: '^((?:[a-zA-Z]:)*[./\\\\]+.*?)$', file: 1 },
        {
          regexp: '^\\s+(\\d+):(\\d+)\\s+(error|warning|info)\\s+(.+?)(?:\\s\\s+(.*))?$',
          line: 1,
          column: 2,
          severity: 3,
          message: 4,
          code: 5,
          loop: true,
        },
      ],
    },
    {
      name: 'python',
      owner: 'python',
      source: 'python',
      fileLocation: 'auto',
      pattern: [
        { regexp: '^\\s*File "(.*?)", line (\\d+)', file: 1, line: 2 },
        { regexp: '^\\s*(\\w*(?:Error|Exception|Warning).*)$', message: 1 },
      ],
    },
  ],
} as const;
