/**
 * The fields of a query, read as URLSearchParams reads them (WHATWG URL, application/x-www-form-urlencoded).
 *
 * URLSearchParams makes a list for every question that is asked of it, and nearly all queries that reach us hold nothing
 * to decode. Those are cut at their marks here; for all others it does the reading.
 */
const ENCODED = /[%+\ud800-\udfff]/;

export class QueryFields {
  readonly #names: string[] = [];
  readonly #values: string[] = [];

  /** @param text what stands behind the first question mark; anything will do */
  constructor(text: string) {
    if (ENCODED.test(text)) for (const [name, value] of new URLSearchParams(text)) this.#add(name, value);
    else this.#cut(text);
  }

  has(name: string): boolean {
    return this.#names.includes(name);
  }

  /** The first of this name; null when there is none. */
  get(name: string): string | null {
    const at = this.#names.indexOf(name);
    return at === -1 ? null : (this.#values[at] ?? '');
  }

  /** The last of this name; undefined when there is none. */
  last(name: string): string | undefined {
    return this.#values[this.#names.lastIndexOf(name)];
  }

  #cut(text: string): void {
    for (let start = text.startsWith('?') ? 1 : 0, end = 0; start < text.length; start = end + 1) {
      const mark = text.indexOf('&', start);
      end = mark === -1 ? text.length : mark;
      if (end === start) continue;
      const equals = text.indexOf('=', start);
      if (equals === -1 || equals >= end) this.#add(text.slice(start, end), '');
      else this.#add(text.slice(start, equals), text.slice(equals + 1, end));
    }
  }

  #add(name: string, value: string): void {
    this.#names.push(name);
    this.#values.push(value);
  }
}
