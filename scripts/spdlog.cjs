// The interface of the module @vscode/spdlog in plain JavaScript: VS Code's own is a native program that an installation
// without install scripts does not have, and without it every log in the window is empty.
const fs = require('node:fs');
const path = require('node:path');

const LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'];
const INFO = 2;
let defaultLevel = INFO;

class Logger {
  /** `files` rotated files of at most `size` bytes beside `file`. */
  constructor(_kind, name, file, size, files) {
    Object.assign(this, { name, file, size, files, level: defaultLevel, isPlain: false });
    fs.mkdirSync(path.dirname(file), { recursive: true });
    this.length = fs.existsSync(file) ? fs.statSync(file).size : 0;
  }
  write(level, message) {
    if (level < this.level) return;
    const time = new Date().toISOString().replace('T', ' ').replace('Z', '');
    const line = this.isPlain ? message : `${time} [${LEVELS[level]}] ${message}\n`;
    const bytes = Buffer.byteLength(line);
    if (this.size > 0 && this.length > 0 && this.length + bytes > this.size) this.rotate();
    fs.appendFileSync(this.file, line);
    this.length += bytes;
  }
  rotate() {
    const numbered = (n) => (n === 0 ? this.file : this.file.replace(/(\.[^./]*)?$/, `.${n}$1`));
    for (let n = Math.max(1, this.files - 1); n > 0; n--) {
      if (fs.existsSync(numbered(n - 1))) fs.renameSync(numbered(n - 1), numbered(n));
    }
    this.length = 0;
  }
  trace(message) {
    this.write(0, message);
  }
  debug(message) {
    this.write(1, message);
  }
  info(message) {
    this.write(2, message);
  }
  warn(message) {
    this.write(3, message);
  }
  error(message) {
    this.write(4, message);
  }
  critical(message) {
    this.write(5, message);
  }
  getLevel() {
    return this.level;
  }
  setLevel(level) {
    this.level = level;
  }
  clearFormatters() {
    this.isPlain = true;
  }
  setPattern() {
    this.isPlain = false;
  }
  flush() {}
  drop() {}
}

exports.version = 11100;
exports.Logger = Logger;
exports.setLevel = (level) => {
  defaultLevel = level;
};
exports.setFlushOn = () => {};
exports.createRotatingLogger = async (...options) => new Logger('rotating', ...options);
exports.createAsyncRotatingLogger = exports.createRotatingLogger;
