// What is made of the output of tasks and terminals, and of the files that say what can be run.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { candidatesIn, resolvedPath } from '../../src/extension/run/linkPatterns';
import { MatcherLibrary, ProblemRun } from '../../src/extension/run/problemMatchers';
import { tasksIn } from '../../src/extension/run/taskDetection';
import { USUAL_MATCHERS } from '../../src/extension/run/usualMatchers';
import { WorkingDirectory } from '../../src/extension/run/workingDirectory';

const library = new MatcherLibrary();
library.add(USUAL_MATCHERS);

/** What a matcher finds: file:line:column severity message [code]. */
function found(wanted: unknown, output: string, from = library): string[] {
  const run = new ProblemRun(from.find(wanted));
  // In pieces, as output comes.
  const problems = [...(output.match(/[\s\S]{1,7}/g) ?? [])].flatMap((piece) => [
    ...run.take(piece).problems,
  ]);
  return [...problems, ...run.end().problems].map(
    ({ file, line, column, severity, message, code }) =>
      `${file}:${line}:${column ?? ''} ${severity} ${message}${code === undefined ? '' : ` [${code}]`}`,
  );
}

describe('problem matchers', () => {
  it('find what gcc really says', (t) => {
    if (!existsSync('/usr/bin/gcc')) return t.skip('gcc is not here');
    const dir = mkdtempSync(path.join(tmpdir(), 'livemount-gcc-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    writeFileSync(path.join(dir, 'a.c'), 'int main(void) {\n  return x;\n}\n');
    let said = '';
    try {
      execFileSync('gcc', ['-fdiagnostics-color=always', '-c', 'a.c'], {
        cwd: dir,
        encoding: 'utf8',
        stdio: 'pipe',
      });
    } catch (error) {
      said = (error as { stderr: string }).stderr;
    }
    assert.match(found('$gcc', said).join('\n'), /^a\.c:2:10 error .x. undeclared/m);
  });

  it('find what tsc, in both of its forms, go and rustc say', () => {
    assert.deepEqual(
      found('$tsc', 'src/a.ts(3,7): error TS2322: Type is wrong.\r\nsrc/b.ts:1:2 - warning TS1: Hm.\r\n'),
      ['src/a.ts:3:7 error Type is wrong. [TS2322]', 'src/b.ts:1:2 warning Hm. [TS1]'],
    );
    assert.deepEqual(found('$go', './x.go:5:2: undefined: y\nvet: ./z.go:1:1: oh\n'), [
      './x.go:5:2 error undefined: y',
      './z.go:1:1 error oh',
    ]);
    assert.deepEqual(
      found(
        '$rustc',
        'error[E0425]: cannot find value\n --> src/main.rs:2:5\n  |\nwarning: unused\n --> src/lib.rs:9:1\n',
      ),
      ['src/main.rs:2:5 error cannot find value [E0425]', 'src/lib.rs:9:1 warning unused'],
    );
  });

  it('follow a pattern whose last line comes again and again, through colours', () => {
    const output = [
      '\x1b[4m/srv/a.js\x1b[24m',
      '  \x1b[2m1:1\x1b[22m  \x1b[31merror\x1b[39m  Unexpected var  \x1b[2mno-var\x1b[22m',
      '  2:10  warning  Missing semicolon  semi',
      '',
      '/srv/b.js',
      '  7:3  error  Parsing error: x',
      '',
      'x 3 problems',
      '',
    ].join('\n');
    assert.deepEqual(found('$eslint-stylish', output), [
      '/srv/a.js:1:1 error Unexpected var [no-var]',
      '/srv/a.js:2:10 warning Missing semicolon [semi]',
      '/srv/b.js:7:3 error Parsing error: x',
    ]);
  });

  it('begin anew when a background task says so', () => {
    const run = new ProblemRun(library.find('$tsc-watch'));
    const first = run.take('[10:00:00 AM] Starting compilation in watch mode...\na.ts(1,1): error TS1: x\n');
    assert.deepEqual([first.begins, first.ends, first.problems.length], [true, false, 1]);
    const ended = run.take('[10:00:01 AM] Found 1 error. Watching for file changes.\n');
    assert.deepEqual([ended.begins, ended.ends], [false, true]);
    const again = run.take('[10:00:09 AM] File change detected. Starting incremental compilation...\n');
    assert.deepEqual([again.begins, again.problems.length], [true, 0]);
  });

  it('are read from an extension’s manifest, and what is no matcher is left out', () => {
    const others = new MatcherLibrary();
    others.add(USUAL_MATCHERS);
    others.add({
      problemPatterns: [
        { name: 'mine', regexp: '^(.*)@(.*)@(.*)$', file: 1, location: 2, message: 3 },
        { name: 'bad', regexp: '(' },
      ],
      problemMatchers: [
        { name: 'mine', owner: 'mine', pattern: '$mine', severity: 'warning' },
        { name: 'broken', pattern: '$bad' },
        { name: 'gcc', base: '$gcc', severity: 'info' },
        'nonsense',
        null,
      ],
    });
    assert.deepEqual(found('$mine', 'f@3,4@text\n', others), ['f:3:4 warning text']);
    assert.deepEqual(found(['$broken', '$none', 7], 'f@3,4@text\n', others), []);
    assert.deepEqual(found({ base: '$mine', severity: 'error' }, 'f@3@text\n', others), ['f:3: error text']);
  });

  it('are not held up by a line without an end', () => {
    assert.deepEqual(found('$gcc', `${'x'.repeat(2_000_000)}\na.c:1:2: error: y`), ['a.c:1:2 error y']);
  });
});

describe('links', () => {
  it('are found in what compilers, tests and people print', () => {
    const at = (text: string) =>
      candidatesIn(text).map(({ path: file, line, column }) =>
        [file, line, column].filter((x) => x !== undefined).join(':'),
      );
    assert.deepEqual(at('src/a.c:12:3: error: x'), ['src/a.c:12:3']);
    assert.deepEqual(at('  at run (/srv/app/x.js:10:5)'), ['/srv/app/x.js:10:5']);
    assert.deepEqual(at('src/a.ts(3,7): error TS2322: no'), ['src/a.ts:3:7']);
    assert.deepEqual(at('  File "/usr/lib/x y.py", line 7, in f'), ['/usr/lib/x y.py:7']);
    assert.deepEqual(at('modified:   docs/run.md'), ['docs/run.md']);
    assert.deepEqual(at('see ~/notes.txt.'), ['~/notes.txt']);
    assert.deepEqual(at('100% 12:30 -- 3/4 http://x/y'), []);
  });

  it('are resolved where the shell is', () => {
    assert.equal(resolvedPath('../a', '/srv/b', '/home/me'), '/srv/a');
    assert.equal(resolvedPath('~/a', '/srv/b', '/home/me'), '/home/me/a');
    assert.equal(resolvedPath('~/a', '/srv/b', undefined), undefined);
    const directory = new WorkingDirectory('/srv');
    for (const piece of ['\x1b]633;P;C', 'wd=/srv/a\\x3bb\\\\c\x07$ \x1b', '[0m']) directory.take(piece);
    assert.equal(directory.path, '/srv/a;b\\c');
    directory.take(`\x1b]633;P;Cwd=relative\x07\x1b]633;P;Cwd=${'x'.repeat(1 << 20)}`);
    assert.equal(directory.path, '/srv/a;b\\c');
  });
});

describe('tasks', () => {
  const names = (file: Parameters<typeof tasksIn>[0], text: string) =>
    tasksIn(file, text).map(({ name }) => name);
  it('are found in the files that say what can be run', () => {
    assert.deepEqual(names('package.json', '{"scripts":{"build":"tsc","test:unit":"x"}}'), [
      'npm: build',
      'npm: test:unit',
    ]);
    assert.deepEqual(names('package.json', '{"packageManager":"pnpm@9","scripts":{"a":"b"}}'), ['pnpm: a']);
    assert.deepEqual(
      names(
        'Makefile',
        'CC := gcc\nX=1\nall: a.o b.o\n\tgcc -o x\n.PHONY: all\n%.o: %.c\na.o b.o: a.h\nclean::\n\trm x\n$(T): y\n',
      ),
      ['make: all', 'make: a.o', 'make: b.o', 'make: clean'],
    );
    assert.deepEqual(names('pyproject.toml', '[tool.pytest.ini_options]\n[tool.ruff]\n'), [
      'python: pytest',
      'python: ruff',
    ]);
    assert.ok(names('Cargo.toml', '').includes('cargo: build'));
    assert.ok(names('go.mod', '').includes('go: test'));
  });

  it('of files that are broken are none', () => {
    assert.deepEqual(names('package.json', '{"scripts":'), []);
    assert.deepEqual(names('package.json', '{"scripts":7}'), []);
    assert.deepEqual(names('Makefile', '\0\0'), []);
  });
});
