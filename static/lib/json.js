// Answers of the hub whose payloads stay the text they are: 12345678901234567890, 1e400 and a key given twice are shown as stored.

/** Members that hold what users stored. */
const STORED = ['payload', 'metadata'];
/** A map of texts whose names are the users': nothing in it is a member of ours. */
const MAPS = new Set(['headers']);

/** @param {string} text @param {number} at the quote that begins a string @returns {number} behind the one that ends it */
function stringEnd(text, at) {
  let end = at;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end < 0) throw new SyntaxError(`the string at ${at} does not end`);
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  }
}

const SPACE = /[ \t\r\n]*/y;
/** @param {string} text @param {number} at @returns {number} the next place that is no space */
export function afterSpace(text, at) {
  SPACE.lastIndex = at;
  SPACE.test(text);
  return SPACE.lastIndex;
}

/** @param {string} text JSON @param {number} at where a value begins @returns {number} behind it */
export function valueEnd(text, at) {
  if (text[at] === '"') return stringEnd(text, at);
  if (text[at] !== '{' && text[at] !== '[') {
    const end = /[,}\]\s]|$/g;
    end.lastIndex = at;
    return /** @type {RegExpExecArray} */ (end.exec(text)).index;
  }
  const marks = /["{}[\]]/g;
  marks.lastIndex = at;
  let depth = 0;
  for (let found = marks.exec(text); found; found = marks.exec(text)) {
    if (found[0] === '"') marks.lastIndex = stringEnd(text, found.index);
    else depth += found[0] === '{' || found[0] === '[' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  throw new SyntaxError(`the value at ${at} does not end`);
}

/**
 * As JSON.parse, but members of these names are the source text of their values; null stays null.
 * @param {string} text @param {string[]} [also] more such members, of this answer
 * @returns {any}
 */
export function parse(text, also = []) {
  const stored = new Set([...STORED, ...also]);
  const parts = [];
  let copied = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at)) {
    const end = stringEnd(text, at);
    const colon = afterSpace(text, end);
    if (text[colon] !== ':') {
      at = end;
      continue;
    }
    const name = text.slice(at + 1, end - 1);
    const from = afterSpace(text, colon + 1);
    at = from;
    if (MAPS.has(name)) at = valueEnd(text, from);
    if (!stored.has(name) || text.startsWith('null', from)) continue;
    at = valueEnd(text, from);
    parts.push(text.slice(copied, from), JSON.stringify(text.slice(from, at)));
    copied = at;
  }
  parts.push(text.slice(copied));
  return JSON.parse(parts.join(''));
}

/**
 * The members of an object or of a list, each as it is written; those of a list have no names.
 * @param {string} text JSON
 * @returns {{ name: string | null, value: string }[]}
 */
export function members(text) {
  const found = [];
  const begin = afterSpace(text, 0);
  let at = afterSpace(text, begin + 1);
  while (at < text.length && text[at] !== '}' && text[at] !== ']') {
    let name = null;
    if (text[begin] === '{') {
      const end = valueEnd(text, at);
      name = JSON.parse(text.slice(at, end));
      at = afterSpace(text, afterSpace(text, end) + 1); // behind the colon
    }
    const end = valueEnd(text, at);
    found.push({ name, value: text.slice(at, end) });
    at = afterSpace(text, end);
    if (text[at] === ',') at = afterSpace(text, at + 1);
  }
  return found;
}
