import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { editorManifest, manifestFile, textsFile } from '../../scripts/contributes';
import { commandEntries } from '../../src/extension/commandTable';
import { isSettingValue, SETTINGS, type SettingName } from '../../src/extension/settingsTable';

const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as Record<string, unknown>;
const settingNames = Object.keys(SETTINGS) as SettingName[];

test('package.json says what the tables of settings and commands say', () => {
  const { fields, texts } = editorManifest();
  for (const [key, value] of Object.entries(fields)) {
    assert.deepEqual(manifest[key], JSON.parse(JSON.stringify(value)), `${key}: run scripts/contributes.ts`);
  }
  assert.deepEqual(JSON.parse(readFileSync(textsFile, 'utf8')), texts, 'run scripts/contributes.ts');
});

test('the published manifest asks for no proposed API, and says where the extension is from', () => {
  assert.equal('enabledApiProposals' in manifest, false);
  for (const field of ['repository', 'galleryBanner', 'icon', 'license']) {
    assert.ok(manifest[field] !== undefined, field);
  }
});

test('the changelog has an entry for the version that is packaged', () => {
  const changelog = readFileSync(path.join(path.dirname(manifestFile), 'CHANGELOG.md'), 'utf8');
  assert.match(changelog, new RegExp(`^## \\[${String(manifest.version)}\\] - \\d{4}-\\d\\d-\\d\\d$`, 'm'));
});

test('the settings page shows them in the order of the table, in Markdown', () => {
  const { contributes } = manifest as {
    contributes: { configuration: { properties: Record<string, Record<string, unknown>> } };
  };
  const shown = Object.entries(contributes.configuration.properties);
  assert.deepEqual(
    shown.map(([name]) => name),
    settingNames,
  );
  shown.forEach(([name, setting], i) => {
    assert.equal(setting.order, i, name);
    assert.ok('markdownDescription' in setting && !('description' in setting), name);
  });
});

test('what the manifest names in media exists', () => {
  const named = JSON.stringify(manifest).match(/media\/[\w./-]+/g) ?? [];
  assert.ok(named.length > 0);
  for (const file of named) assert.ok(existsSync(path.join(path.dirname(manifestFile), file)), file);
});

test('every default is a value that the setting itself allows', () => {
  for (const name of settingNames) assert.ok(isSettingValue(name, SETTINGS[name].default), name);
});

test('a value of another type, an unknown choice or an amount out of range is no value', () => {
  assert.equal(isSettingValue('livemount.durability', 'sometimes'), false);
  assert.equal(isSettingValue('livemount.durability', 3), false);
  assert.equal(isSettingValue('livemount.cache.memory', 0), false);
  assert.equal(isSettingValue('livemount.cache.memory', Number.NaN), false);
  assert.equal(isSettingValue('livemount.trace', 'true'), false);
  assert.equal(isSettingValue('livemount.cache.modes', { 'db7:/mnt/nfs': 'perhaps' }), false);
  assert.equal(isSettingValue('livemount.cache.modes', { 'db7:/mnt/nfs': 'none' }), true);
});

test('what could make us run or trust something is not for a workspace to set', () => {
  for (const name of ['livemount.ssh.configFile', 'livemount.transport', 'livemount.reach'] as const) {
    assert.equal(SETTINGS[name].scope, 'machine', name);
  }
});

test('every title is in capitals like the editor’s own, and no two are the same', () => {
  const titles = commandEntries.map(([, { title }]) => title);
  assert.equal(new Set(titles).size, titles.length);
  for (const title of titles) assert.match(title, /^[A-Z]/);
});

test('every setting is described in a sentence', () => {
  for (const name of settingNames) assert.match(SETTINGS[name].description, /^[A-Z].+\.$/, name);
});

test('docs/editor.md names every setting with its default, and every command', () => {
  const page = readFileSync(path.join(path.dirname(manifestFile), 'docs/editor.md'), 'utf8');
  for (const name of settingNames) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
    assert.ok(row !== undefined, name);
    const { default: value } = SETTINGS[name];
    if (typeof value === 'number') assert.ok(row.includes(`| ${value} |`), row);
    if (typeof value === 'boolean') assert.ok(row.includes(`| ${value ? 'on' : 'off'} |`), row);
    if (typeof value === 'string' && value !== '') assert.ok(row.includes(`| \`${value}\` |`), row);
  }
  for (const [, { title }] of commandEntries) assert.ok(page.includes(title), title);
});
