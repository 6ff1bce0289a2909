import fc from 'fast-check';
import { parseDictionary, serializeDictionary } from 'structured-headers';
import { expect, test } from 'vitest';
import { cmcdOfRequest } from '../../../src/cmcd/cmcd-of-request.ts';
import { readCmcd } from '../../../src/cmcd/read-cmcd.ts';

/** What a general parser of structured fields says of a text: undefined when it is no dictionary. */
function parsed(text: string): ReturnType<typeof parseDictionary> | undefined {
  try {
    return parseDictionary(text);
  } catch {
    return undefined;
  }
}

const item = fc.oneof(
  fc.integer({ min: -999_999, max: 999_999_999 }).map(String),
  fc.constantFrom('1.5', '?0', '?1', 'v', 'lv', '"a b"', '"q\\"q"', ':aGk=:', '*x/y:z', '""'),
  fc.constantFrom('1.2.3', '-', '"', '?', '?2', '1.', 'é', '(', '()', '.5', '%"x%c3%a9"'),
);
const parameters = fc.constantFrom('', '', ';v', ';r="0-499"', '; a=1;b', ';', ';=1');
const value = fc.oneof(
  fc.tuple(item, parameters).map(([text, more]) => text + more),
  fc
    .array(
      fc.tuple(item, parameters).map(([text, more]) => text + more),
      { maxLength: 4 },
    )
    .map((items) => `(${items.join(' ')})`),
);
const key = fc.constantFrom(
  'br',
  'bl',
  'mtp',
  'sid',
  'nor',
  'su',
  'bs',
  'd',
  'ot',
  'v',
  'com.a-b',
  '*k',
  'X',
  '1a',
  '',
);
const member = fc.oneof(
  key,
  fc.tuple(key, value).map(([name, text]) => `${name}=${text}`),
);
const dictionary = fc
  .tuple(fc.array(member, { maxLength: 6 }), fc.constantFrom(',', ', ', ' ,\t', ',,'))
  .map(([members, comma]) => members.join(comma));

test('accepts exactly what a parser of structured fields accepts, and takes the same values', () => {
  fc.assert(
    fc.property(dictionary, (text) => {
      const general = parsed(text);
      const reading = readCmcd(text);
      expect(reading === 'malformed').toBe(general === undefined);
      if (general === undefined || typeof reading === 'string') return;
      const starved = general.get('bs')?.[0];
      const duration = general.get('d')?.[0];
      expect(reading.starved).toBe(starved === true);
      expect(reading.durationMs).toBe(typeof duration === 'number' && duration >= 0 ? duration : undefined);
    }),
    { numRuns: 20_000 },
  );
});

test('CMCD-3: a hundred thousand odd texts neither throw nor take long', () => {
  const odd = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.stringMatching(/^[a-z0-9=",;() .%?:@-]{0,60}$/),
    fc.constantFrom('('.repeat(500), '"'.repeat(501), 'a;'.repeat(400), ' '.repeat(900), `sid="${'\\"'.repeat(400)}`),
  );
  let readings = 0;
  fc.assert(
    fc.property(fc.array(odd, { minLength: 50, maxLength: 50 }), (texts) => {
      for (const text of texts) {
        readings += 1;
        readCmcd(cmcdOfRequest(`/a?CMCD=${text}`, {}) ?? '');
        readCmcd(text);
      }
    }),
    { numRuns: 2000 },
  );
  expect(readings).toBe(100_000);
});

/** Our own texts of every kind of value that the standard has, as players may send them and as they stand canonically. */
const VECTORS: readonly (readonly [sent: string, canonical: string])[] = [
  ['sid="6e2fb550-c457-11e9-bb97-0800200c9a66"', 'sid="6e2fb550-c457-11e9-bb97-0800200c9a66"'],
  [
    'br=3200,bs,d=4004,mtp=25400,ot=v,rtp=15000,sf=h,st=v,tb=6000',
    'br=3200,bs,d=4004,mtp=25400,ot=v,rtp=15000,sf=h,st=v,tb=6000',
  ],
  ['bl=( 8000;v  6000;a ),  br=(2400;v 128;a),v=2', 'bl=(8000;v 6000;a), br=(2400;v 128;a), v=2'],
  ['nor=("../300kbps/seg_1.m4s";r="0-499" "seg_2.m4s"),v=2', 'nor=("../300kbps/seg_1.m4s";r="0-499" "seg_2.m4s"), v=2'],
  ['com.example-flag=?1,com.example-level=(1.50),pr=1.08', 'com.example-flag, com.example-level=(1.5), pr=1.08'],
  [
    'bg,cid="a \\"quoted\\" name",e=ps,sta=p,ts=1795219200000,v=2',
    'bg, cid="a \\"quoted\\" name", e=ps, sta=p, ts=1795219200000, v=2',
  ],
  [
    'e=rr,rc=503,ttfb=12,ttlb=90,url="https://a.example/s",v=2',
    'e=rr, rc=503, ttfb=12, ttlb=90, url="https://a.example/s", v=2',
  ],
];

test.each(VECTORS)('CMCD-13: %s has one canonical form, which says the same', (sent, canonical) => {
  const spaced = canonical.replace(/,(?=[a-z])/g, ', ');
  expect(serializeDictionary(parseDictionary(sent))).toBe(spaced);
  expect(readCmcd(sent)).toEqual(readCmcd(spaced));
  expect(readCmcd(sent)).toMatchObject({ nextObjects: expect.any(Array) });
});
