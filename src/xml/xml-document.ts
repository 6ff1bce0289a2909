import { DOMParser, type Document, type Element, type Node, XMLSerializer } from '@xmldom/xmldom';

/**
 * XML in and out for DASH manifests. Only well-formed documents without a document type declaration are taken: an MPD
 * needs none, and entities are how small documents grow large.
 */
export type XmlDocument = Document;
export type XmlElement = Element;

/** The text is not XML that we take. The message says where. */
export class XmlError extends Error {}

const ELEMENT_NODE = 1;

/** @throws XmlError */
export function parseXml(text: string): XmlDocument {
  if (/<!DOCTYPE/i.test(text)) throw new XmlError('has a document type declaration');
  if (isDeeperThan(MAX_DEPTH, text)) throw new XmlError(`has elements nested deeper than ${MAX_DEPTH} levels`);
  let firstReport: string | undefined;
  const onError = (_level: string, message: string): never => {
    firstReport ??= message.split('\n')[0];
    throw new XmlError(message);
  };
  try {
    return new DOMParser({ onError }).parseFromString(text, 'application/xml');
  } catch (error) {
    throw new XmlError(firstReport ?? (error instanceof Error ? error.message : String(error)), { cause: error });
  }
}

/** What is done per level grows with the levels: a few megabytes of opening tags take the parser hours. */
const MAX_DEPTH = 64;
/** What is no element, and what ends it. */
const OTHER_MARKUP = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
] as const;
const TAG = /<(\/?)(?:[^<>"']|"[^"<]*"|'[^'<]*')*?(\/?)>/y;

/** Linear in the text. Of what is no well-formed XML the answer may be wrong: the parser refuses that. */
function isDeeperThan(maxDepth: number, text: string): boolean {
  let depth = 0;
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at)) {
    const other = OTHER_MARKUP.find(([begin]) => text.startsWith(begin, at));
    if (other !== undefined) {
      const end = text.indexOf(other[1], at + other[0].length);
      if (end < 0) return false;
      at = end;
      continue;
    }
    TAG.lastIndex = at;
    const [tag, closing, empty] = TAG.exec(text) ?? ['<'];
    at += tag.length;
    if (closing === '/') depth -= 1;
    else if (empty === '') depth += 1;
    if (depth > maxDepth) return true;
  }
  return false;
}

export const serializeXml = (node: Node): string => new XMLSerializer().serializeToString(node);

/** The child elements of that local name, in document order; all child elements without a name. */
export function childElements(parent: Node, localName?: string): XmlElement[] {
  const found: XmlElement[] = [];
  for (let child = parent.firstChild; child !== null; child = child.nextSibling) {
    if (child.nodeType !== ELEMENT_NODE) continue;
    if (localName === undefined || child.localName === localName) found.push(child as XmlElement);
  }
  return found;
}

/** The first child element of that local name. */
export const childElement = (parent: Node, localName: string): XmlElement | undefined =>
  childElements(parent, localName)[0];
