// Makes one moving picture (APNG, https://www.w3.org/TR/png-3/#apng-frame-based-animation) of screenshots: every frame
// holds only the rectangle that changed since the one before, so a minute of an editor is some hundred kilobytes.
import { deflateSync, inflateSync, crc32 as zlibCrc32 } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** @typedef {{ width: number, height: number, channels: number, pixels: Buffer }} Picture */

/**
 * @param {readonly { png: Buffer, ms: number }[]} frames Screenshots of one size, and how long each is shown.
 * @returns {Buffer} an APNG that plays for ever
 */
export function movingPicture(frames) {
  const pictures = frames.map(({ png }) => decode(png));
  const [first] = pictures;
  const out = [SIGNATURE, chunk('IHDR', header(first, first.width, first.height))];
  out.push(chunk('acTL', numbers(frames.length, 0)));
  let sequence = 0;
  pictures.forEach((picture, i) => {
    const area = i === 0 ? whole(picture) : changed(pictures[i - 1], picture);
    const control = Buffer.alloc(26);
    numbers(sequence++, area.width, area.height, area.x, area.y).copy(control);
    control.writeUInt16BE(Math.min(frames[i].ms, 65_535), 20);
    control.writeUInt16BE(1000, 22);
    out.push(chunk('fcTL', control));
    const data = encode(picture, area);
    out.push(i === 0 ? chunk('IDAT', data) : chunk('fdAT', Buffer.concat([numbers(sequence++), data])));
  });
  out.push(chunk('IEND', Buffer.alloc(0)));
  return Buffer.concat(out);
}

function numbers(...values) {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4);
  return bytes;
}

function header({ channels }, width, height) {
  // 8 bits a channel; colour type 2 is RGB, 6 is RGBA; no interlacing.
  return Buffer.concat([numbers(width, height), Buffer.from([8, channels === 4 ? 6 : 2, 0, 0, 0])]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  return Buffer.concat([numbers(data.length), body, numbers(crcOf(body))]);
}

/** Node 20.15 has it; older ones count themselves. */
function crcOf(bytes) {
  if (zlibCrc32) return zlibCrc32(bytes);
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** @returns {Picture} */
function decode(png) {
  let at = SIGNATURE.length;
  let width = 0;
  let height = 0;
  let channels = 0;
  const data = [];
  while (at < png.length) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') {
      width = body.readUInt32BE(0);
      height = body.readUInt32BE(4);
      if (body[8] !== 8 || (body[9] !== 2 && body[9] !== 6) || body[12] !== 0) {
        throw new Error('only PNG of 8 bits, RGB or RGBA, without interlacing, as Chromium makes them');
      }
      channels = body[9] === 6 ? 4 : 3;
    } else if (type === 'IDAT') data.push(body);
    at += 12 + length;
  }
  return {
    width,
    height,
    channels,
    pixels: unfiltered(inflateSync(Buffer.concat(data)), width, height, channels),
  };
}

function unfiltered(raw, width, height, channels) {
  const stride = width * channels;
  const pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const value = raw[y * (stride + 1) + 1 + x];
      const left = x >= channels ? pixels[y * stride + x - channels] : 0;
      const up = y > 0 ? pixels[(y - 1) * stride + x] : 0;
      const corner = x >= channels && y > 0 ? pixels[(y - 1) * stride + x - channels] : 0;
      pixels[y * stride + x] = value + predicted(filter, left, up, corner);
    }
  }
  return pixels;
}

function predicted(filter, left, up, corner) {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

function whole({ width, height }) {
  return { x: 0, y: 0, width, height };
}

/** The smallest rectangle outside of which two pictures are the same; one pixel where they are the same everywhere. */
function changed(before, now) {
  const { width, height, channels } = now;
  if (before.width !== width || before.height !== height || before.channels !== channels) {
    throw new Error('all pictures must have one size');
  }
  let [left, top, right, bottom] = [width, height, -1, -1];
  const stride = width * channels;
  for (let y = 0; y < height; y++) {
    const row = now.pixels.subarray(y * stride, (y + 1) * stride);
    if (row.equals(before.pixels.subarray(y * stride, (y + 1) * stride))) continue;
    top = Math.min(top, y);
    bottom = y;
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        if (row[x * channels + c] === before.pixels[y * stride + x * channels + c]) continue;
        left = Math.min(left, x);
        right = Math.max(right, x);
      }
    }
  }
  if (right < 0) return { x: 0, y: 0, width: 1, height: 1 };
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

/** A rectangle of a picture, each row as the difference to the one above (filter 2), which suits screens. */
function encode({ width, channels, pixels }, area) {
  const row = area.width * channels;
  const filtered = Buffer.alloc((row + 1) * area.height);
  for (let y = 0; y < area.height; y++) {
    const from = ((area.y + y) * width + area.x) * channels;
    filtered[y * (row + 1)] = 2;
    for (let x = 0; x < row; x++) {
      const up = y > 0 ? pixels[from - width * channels + x] : 0;
      filtered[y * (row + 1) + 1 + x] = pixels[from + x] - up;
    }
  }
  return deflateSync(filtered, { level: 9 });
}
