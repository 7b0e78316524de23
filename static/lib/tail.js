// The newest events of a tail: which rows are shown, which wait until the reader wants them, how fast they come.

/**
 * @typedef {object} TailEvent An event as the hub pushes it, with the text of its payload, or the head of it.
 * @property {number} sequence
 * @property {string} id
 * @property {string} type
 * @property {string} source
 * @property {string} timestamp
 * @property {string | null} [stream_id]
 * @property {number | null} [stream_version]
 * @property {string} [correlation_id]
 * @property {string | null} [payload_head]
 * @property {number} [payload_bytes]
 */
/** @typedef {{ key: string, gap: string, from: number | null }} TailGap A place where events may be missing. */
/** @typedef {{ key: string, event: TailEvent }} TailRow */

/** Seconds that the rate is an average of: long enough to be read, short enough to be now. */
const AVERAGED = 5;

export class Tail {
  /** @param {number} most rows that are kept, newest first; what is older is found by a search */
  constructor(most) {
    this.most = most;
    /** @type {(TailRow | TailGap)[]} */
    this.rows = [];
    /** @type {(TailRow | TailGap)[]} */
    this.waiting = [];
    /** Events that came while the rows were held, also those that `waiting` had no room for. */
    this.fresh = 0;
    this.held = false;
    /** Events since the beginning that matched: shown ones, and those the hub only counted. */
    this.shown = 0;
    this.skipped = 0;
    /** @type {Map<number, number>} events by second */
    this.seconds = new Map();
    this.gaps = 0;
    /** @type {number | null} */
    this.last = null;
  }

  /** @param {TailEvent[]} events in their order @param {number} now ms */
  add(events, now) {
    if (events.length === 0) return;
    this.shown += events.length;
    this.count(events.length, now);
    this.last = events[events.length - 1].sequence;
    this.put(events.map(event => ({ key: String(event.sequence), event })));
    if (this.held) this.fresh += events.length;
  }

  /** @param {number} count events that the hub left out, as they are more than anybody reads @param {number} now ms */
  skip(count, now) {
    this.skipped += count;
    this.count(count, now);
  }

  /** @param {string} text why events may be missing from here on */
  gap(text) {
    if (this.rows.length === 0 && this.waiting.length === 0) return;
    this.gaps += 1;
    this.put([{ key: `gap ${this.gaps}`, gap: text, from: this.last === null ? null : this.last + 1 }]);
  }

  /** @param {(TailRow | TailGap)[]} rows oldest first */
  put(rows) {
    const newest = rows.slice(-this.most).reverse();
    if (this.held) this.waiting = newest.concat(this.waiting).slice(0, this.most);
    else this.rows = newest.concat(this.rows).slice(0, this.most);
  }

  hold() {
    this.held = true;
  }

  /** Shows what has waited. */
  release() {
    this.held = false;
    this.fetch();
  }

  /** Shows what has waited so far; what comes from now on waits again if the rows are held. */
  fetch() {
    this.rows = this.waiting.concat(this.rows).slice(0, this.most);
    this.waiting = [];
    this.fresh = 0;
  }

  clear() {
    this.rows = [];
    this.waiting = [];
    this.fresh = 0;
  }

  /** @param {number} count @param {number} now ms */
  count(count, now) {
    const second = Math.floor(now / 1000);
    this.seconds.set(second, (this.seconds.get(second) ?? 0) + count);
    for (const old of this.seconds.keys()) if (old < second - AVERAGED) this.seconds.delete(old);
  }

  /** Events a second that match, of the last full seconds. @param {number} now ms @returns {number} */
  rate(now) {
    const second = Math.floor(now / 1000);
    let sum = 0;
    for (let back = 1; back <= AVERAGED; back += 1) sum += this.seconds.get(second - back) ?? 0;
    return sum / AVERAGED;
  }
}

/** @param {string} text patterns with commas or spaces between them @returns {string[]} */
export function patterns(text) {
  return text.split(/[\s,]+/).filter(word => word !== '');
}
