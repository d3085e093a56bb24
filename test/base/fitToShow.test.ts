import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  fitJson,
  fitMarkdown,
  fitTerminalLine,
  fitTerminalText,
  fitToShow,
  fitToShowLines,
} from '../../src/base/fitToShow';
import { isFit, POISON, POISON_LINK } from '../fixtures/poison';

const oneLine = { fitToShow, fitMarkdown, fitTerminalLine };
const severalLines = { fitToShowLines, fitTerminalText };

for (const [name, fit] of Object.entries({ ...oneLine, ...severalLines })) {
  test(`${name}: nothing that a terminal or a window would act on is left of the poison`, () => {
    const shown = fit(POISON);
    assert.ok(isFit(shown.replaceAll('\n', '')), JSON.stringify(shown));
    assert.match(shown, /begin/);
    assert.match(shown, /end/);
  });

  test(`${name}: a megabyte is cut to its bound, and the cut leaves no half character`, () => {
    const shown = fit('😀'.repeat(500_000), 101);
    assert.ok(shown.length <= 101 * 3, `${shown.length} characters`);
    assert.doesNotMatch(shown, /\p{Surrogate}/u);
  });

  test(`${name}: ordinary text of all scripts passes`, () => {
    for (const text of ['straße', 'الملفات', 'שלום', 'नमस्ते', '日本語', '👩‍💻', 'e\u0301'])
      assert.equal(fit(text), text);
  });
}

for (const [name, fit] of Object.entries(oneLine)) {
  test(`${name}: the result is one line`, () => {
    assert.doesNotMatch(fit('a\nb\r\nc\u0085d\u2028e\vf\fg'), /[\n\r\v\f\u0085\u2028\u2029]/);
  });
}

test('no link of a notification or a prompt forms, also not out of the pieces', () => {
  const link = /\[([^\]]+)\]\(([^)\s]+)\)/;
  assert.match(POISON_LINK, link);
  for (const text of [
    POISON_LINK,
    `]\u0000(${POISON_LINK}`,
    `[a](${POISON_LINK})`,
    '[x]\n(command:y)',
    '[x]]((command:y))',
  ]) {
    assert.doesNotMatch(fitToShow(text), link);
    assert.doesNotMatch(fitToShowLines(text), link);
    assert.doesNotMatch(fitToShow(fitToShow(text)), link);
  }
});

test('no icon forms in a label', () => {
  assert.doesNotMatch(fitToShow('$(error) all is lost'), /\$\(/);
});

test('a text that was made fit stays as it is when it is made fit again', () => {
  for (const fit of [fitToShow, fitToShowLines, fitTerminalLine, fitTerminalText]) {
    assert.equal(fit(fit(POISON)), fit(POISON));
  }
});

test('what is too long loses its middle: the name at the end of a path stays', () => {
  const shown = fitToShow(`/srv/${'d/'.repeat(5000)}name.txt`);
  assert.ok(shown.length <= 600);
  assert.match(shown, /^\/srv\/d.*…d?\/.*name\.txt$/);
});

test('several lines stay several lines, but not a thousand', () => {
  assert.equal(fitToShowLines('one\r\ntwo\tx\nthree'), 'one\ntwo  x\nthree');
  assert.ok(fitToShowLines('x\n'.repeat(1000)).split('\n').length <= 41);
});

test('a terminal gets a question mark for each character that is unfit', () => {
  assert.equal(fitTerminalLine('a\u001b[31mb\u009bc\u007fd\ne'), 'a?[31mb?c?d?e');
  assert.equal(fitTerminalText('a\u001b[31mb\nc'), 'a?[31mb\nc');
});

test('Markdown shows the text as it is and nothing of it is markup', () => {
  assert.equal(fitMarkdown('[x](command:y)'), '\\[x\\]\\(command:y\\)');
  assert.doesNotMatch(fitMarkdown('<https://evil.example>'), /(?<!\\)<|:\/\//);
  assert.doesNotMatch(fitMarkdown('see https://evil.example or www.evil.example'), /:\/\/|www\./);
  assert.doesNotMatch(fitMarkdown('&#91;x&#93;(y)'), /(?<!\\)&/);
  assert.match(fitMarkdown('1. first'), /^1\\\./);
});

test('JSON means the same and holds no character that a terminal would act on', () => {
  const value = { [POISON]: [POISON, 1, null, '\u009b31m\u007f\u202e'] };
  const text = fitJson(value);
  assert.deepEqual(JSON.parse(text), value);
  assert.ok(isFit(text), text);
  assert.match(text, /\\u009b31m\\u007f\\u202e/);
});
