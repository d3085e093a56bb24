// Writes the tables of docs/protocol.md, between its markers, from the tables of src/protocol.
//   node scripts/protocolDocs.mjs           brings the page up to date
//   node scripts/protocolDocs.mjs --check   only says whether it is (exit 1)
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const projectFolder = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const page = path.join(projectFolder, 'docs/protocol.md');

/** `<!-- table NAME -->` ... `<!-- end -->`: what stands between is made here. */
const MARKED = /(<!-- table (.+?) -->\n)[\s\S]*?(<!-- end -->)/g;

/** Replies that are no struct. */
const outWords = { bytes: 'bytes', empty: 'header only', none: 'no reply' };

const tables = await makeTables();
const before = readFileSync(page, 'utf8');
const used = new Set();
const after = before.replace(MARKED, (_whole, opening, name, closing) => {
  const table = tables.get(name);
  if (table === undefined)
    throw new Error(`docs/protocol.md asks for a table ${name}; there are ${[...tables.keys()].join(', ')}`);
  used.add(name);
  return `${opening}\n${table}\n\n${closing}`;
});
const unused = [...tables.keys()].filter((name) => !used.has(name));
if (unused.length > 0) throw new Error(`docs/protocol.md has no place for the tables ${unused.join(', ')}`);

if (after === before) console.log('docs/protocol.md is up to date');
else if (process.argv.includes('--check')) {
  console.error('docs/protocol.md does not match src/protocol: run node scripts/protocolDocs.mjs');
  process.exitCode = 1;
} else {
  writeFileSync(page, after);
  console.log('docs/protocol.md was brought up to date');
}

/** Every table by its name: one for each section of livemount.ts, and those of all opcodes and notifications. */
async function makeTables() {
  const { ops, Notify, ...livemount } = await loadProtocol();
  const made = new Map();
  for (const [section, exports] of sectionsOf('src/protocol/livemount.ts')) {
    const parts = exports
      .map((declared) => describeExport(declared, livemount[declared.name]))
      .filter(Boolean);
    made.set(section, joinRows(parts).join('\n\n'));
  }
  made.set(
    'opcodes of FUSE',
    opcodeTable(ops, (code) => code < livemount.LM_BASE),
  );
  made.set(
    'opcodes of Livemount',
    opcodeTable(ops, (code) => code >= livemount.LM_BASE),
  );
  made.set('notifications', notificationTable(Notify));
  return made;
}

async function loadProtocol() {
  const bundle = await build({
    stdin: {
      contents:
        "export * from './src/protocol/livemount'; export { ops, Notify } from './src/protocol/opcodes';",
      resolveDir: projectFolder,
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
  });
  const source = bundle.outputFiles[0].text;
  return import(`data:text/javascript;base64,${Buffer.from(source).toString('base64')}`);
}

/** The values a source file exports, with their doc comments, by the section they stand in (`// NAME ----`). */
function sectionsOf(file) {
  const text = readFileSync(path.join(projectFolder, file), 'utf8');
  const [head, ...rest] = text.split(/^\/\/ (.+?) -{10,}$/m);
  const sections = new Map([['constants', exportsIn(head)]]);
  for (let i = 0; i < rest.length; i += 2) sections.set(rest[i], exportsIn(rest[i + 1]));
  return sections;
}

function exportsIn(text) {
  const pattern = /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?^export const (\w+)/gm;
  return [...text.matchAll(pattern)].map(([, comment, name]) => ({ name, comment: plain(comment ?? '') }));
}

/** A doc comment as one line. */
function plain(comment) {
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .join(' ')
    .trim();
}

/** Consecutive rows become one table; anything else stays by itself. */
function joinRows(parts) {
  const joined = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part.row === undefined) joined.push(part);
    else if (last?.rows) last.rows.push(part.row);
    else joined.push({ rows: [part.row] });
  }
  return joined.map(({ text, rows }) => text ?? table(['Name', 'Value', 'Meaning'], rows));
}

function describeExport({ name, comment }, value) {
  if (value?.layout !== undefined) return { text: structTable(value, comment) };
  if (typeof value === 'number') return { row: [`\`${name}\``, number(value), comment] };
  if (Array.isArray(value)) {
    return { row: [`\`${name}\``, value.map((word, index) => `${index} \`${word}\``).join(', '), comment] };
  }
  const members = Object.entries(value).map(([member, number]) => `\`${member}\` ${number}`);
  return { row: [`\`${name}\``, members.join(', '), comment] };
}

/** Opcodes and magics in hex, the rest as they are. */
function number(value) {
  return value > 0xffff ? hex(value) : `${value}`;
}

function hex(value) {
  return `0x${value.toString(16).toUpperCase()}`;
}

function structTable(struct, comment) {
  const rows = struct.layout.map(({ at, field, name }) => [
    `${at}`,
    `${field.size}`,
    `\`${field.type}\``,
    name.startsWith('_') ? '(zeros)' : `\`${name}\``,
  ]);
  const heading = `**\`${struct.name}\`**, ${struct.size} bytes${comment === '' ? '' : `. ${comment}`}`;
  return `${heading}\n\n${table(['At', 'Bytes', 'Type', 'Field'], rows)}`;
}

function opcodeTable(ops, wanted) {
  const rows = Object.entries(ops)
    .filter(([, op]) => wanted(op.code))
    .map(([name, op]) => [
      op.code > 0xffff ? hex(op.code) : `${op.code}`,
      `\`${name}\``,
      requestText(op),
      typeof op.out === 'string' ? outWords[op.out] : `\`${op.out.name}\``,
      op.repeatable ? 'done again' : op.out === 'none' ? '' : 'answered from the cache',
    ]);
  return table(['Opcode', 'Name', 'Request', 'Reply', 'Sent again'], rows);
}

function requestText(op) {
  const parts = [
    ...(op.in === undefined ? [] : [`\`${op.in.name}\``]),
    ...Array.from({ length: op.names }, () => 'name'),
    ...(op.tail === 'none' ? [] : [op.tail]),
  ];
  return parts.length === 0 ? 'header only' : parts.join(', ');
}

function notificationTable(notify) {
  return table(
    ['Code', 'Name'],
    Object.entries(notify).map(([name, code]) => [code > 0xffff ? hex(code) : `${code}`, `\`${name}\``]),
  );
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => ' --- ').join('|')}|`, ...rows.map(line)].join('\n');
}
