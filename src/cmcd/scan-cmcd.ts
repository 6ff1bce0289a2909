/**
 * Walks over a structured-field dictionary (RFC 8941 section 4.2.2, with the dates and display strings of RFC 9651)
 * member by member. Values are given for numbers, strings, tokens and booleans; bytes and dates are checked and named
 * 'other'. Parameters are checked and dropped.
 */
export interface CmcdMember {
  key: string;
  isList: boolean;
  readonly values: CmcdValue[];
}

export interface CmcdValue {
  readonly kind: 'number' | 'string' | 'token' | 'boolean' | 'other';
  readonly value: number | string | boolean | undefined;
}

const MAX_LIST_MEMBERS = 64;
const TRUE: CmcdValue = { kind: 'boolean', value: true };
const FALSE: CmcdValue = { kind: 'boolean', value: false };
const OTHER: CmcdValue = { kind: 'other', value: undefined };

const KEY = /[a-z*][a-z0-9_\-.*]*/y;
const NUMBER = /-?(?:\d{1,12}\.\d{1,3}|\d{1,15})(?![\d.])/y;
const TOKEN = /[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*/y;
const STRING = /"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"/y;
const OTHERS = /:[A-Za-z0-9+/=]*:|@-?\d{1,15}|%"(?:[\x20-\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*"/y;
const BLANKS = /[ \t]*/y;

export class CmcdScanner {
  readonly #text: string;
  #at = 0;
  #isFirst = true;
  /** The same object for every member: what was given before is gone. */
  readonly #member: CmcdMember = { key: '', isList: false, values: [] };

  constructor(text: string) {
    this.#text = text.trim();
  }

  /** The next member, to be read before the one after it; undefined at the end. */
  next(): CmcdMember | undefined | 'malformed' {
    if (this.#isFirst) {
      this.#isFirst = false;
      if (this.#text === '') return undefined;
    } else {
      this.#match(BLANKS);
      if (this.#at === this.#text.length) return undefined;
      if (!this.#skip(',')) return 'malformed';
      this.#match(BLANKS);
    }
    const key = this.#match(KEY);
    if (key === undefined) return 'malformed';
    const member = this.#member;
    member.key = key;
    member.isList = false;
    member.values.length = 0;
    const isWell = this.#skip('=') ? this.#readValue(member) : member.values.push(TRUE) > 0;
    return isWell && this.#skipParameters() ? member : 'malformed';
  }

  #readValue(member: CmcdMember): boolean {
    if (!this.#skip('(')) {
      const value = this.#readItem();
      if (value !== undefined) member.values.push(value);
      return value !== undefined;
    }
    member.isList = true;
    for (;;) {
      const hadBlank = this.#skipSpaces();
      if (this.#skip(')')) return true;
      if (member.values.length > 0 && !hadBlank) return false;
      const value = this.#readItem();
      if (value === undefined || member.values.length >= MAX_LIST_MEMBERS || !this.#skipParameters()) return false;
      member.values.push(value);
    }
  }

  #readItem(): CmcdValue | undefined {
    const text = this.#text;
    const first = text.charCodeAt(this.#at);
    if (first === 0x22) {
      const quoted = this.#match(STRING);
      if (quoted === undefined) return undefined;
      const inner = quoted.slice(1, -1);
      return { kind: 'string', value: inner.includes('\\') ? inner.replace(/\\(["\\])/g, '$1') : inner };
    }
    if (first === 0x2d || (first >= 0x30 && first <= 0x39)) {
      const digits = this.#match(NUMBER);
      return digits === undefined ? undefined : { kind: 'number', value: Number(digits) };
    }
    if (first === 0x3f) {
      const bit = text[this.#at + 1];
      if (bit !== '0' && bit !== '1') return undefined;
      this.#at += 2;
      return bit === '1' ? TRUE : FALSE;
    }
    const token = this.#match(TOKEN);
    if (token !== undefined) return { kind: 'token', value: token };
    return this.#match(OTHERS) === undefined ? undefined : OTHER;
  }

  #skipParameters(): boolean {
    while (this.#skip(';')) {
      this.#skipSpaces();
      if (this.#match(KEY) === undefined) return false;
      if (this.#skip('=') && this.#readItem() === undefined) return false;
    }
    return true;
  }

  #skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #skipSpaces(): boolean {
    const from = this.#at;
    while (this.#text.charCodeAt(this.#at) === 0x20) this.#at += 1;
    return this.#at > from;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found[0];
  }
}
