import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Intervals, NO_VALUE } from '../../../../steering/routing/build-prefix-table.ts';
import { parsePrefixFile } from '../../../../steering/routing/files/parse-prefix-file.ts';
import { csvRow } from '../../../../steering/routing/files/prefix-file-rows.ts';
import { readPlainRow } from '../../../../steering/routing/files/read-plain-row.ts';
import { formatPrefix, parsePrefix } from '../../../../steering/routing/ip-address.ts';

/** Every interval of the table, or every problem. */
function read(text: string): string[] {
  const parsed = parsePrefixFile(Buffer.from(text));
  if (parsed.kind === 'broken') return [...parsed.problems];
  const { ipv4, ipv6, values } = parsed.table;
  return [...intervalsOf(ipv4, values), ...intervalsOf(ipv6, values)];
}

function intervalsOf(
  { count, starts, wordsPerAddress, values, lengths }: Intervals,
  names: readonly string[],
): string[] {
  return Array.from({ length: count }, (_, index) => index)
    .filter((index) => values[index] !== NO_VALUE)
    .map((index) => {
      const words = [...starts.subarray(index * wordsPerAddress, (index + 1) * wordsPerAddress)];
      const prefix = formatPrefix({ address: { words }, length: lengths[index] ?? 0 });
      return `${prefix} ${names[values[index] ?? NO_VALUE] ?? ''}`;
    });
}

test('CSV may have a header, comments, blank lines, quotes and carriage returns', () => {
  const text = '# viewers of the north\nprefix,site\r\n\n203.0.113.0/24,north # a town\n"2001:db8::/32" , "south"\r\n';
  expect(read(text)).toEqual(['203.0.113.0/24 north', '2001:db8::/32 south']);
});

test('JSON is an array of prefix and site', () => {
  expect(read('[{"prefix":"203.0.113.0/24","site":"north"}]')).toEqual(['203.0.113.0/24 north']);
});

test('an empty file is an empty table', () => {
  expect(read('')).toEqual([]);
  expect(read('prefix,site\n')).toEqual([]);
});

test('every bad line is named with its number, and the table is refused as a whole', () => {
  const text = ['203.0.113.0/24,north', '203.0.113.5/24,north', 'oops', '10.0.0.0/8,South Site', '10.0.0.0/8,a,b'].join(
    '\n',
  );
  expect(read(text)).toEqual([
    "line 2: '203.0.113.5/24' has bits set beyond its length: 203.0.113.0/24 is meant?",
    "line 3: 'oops' is not PREFIX,SITE",
    expect.stringMatching(/^line 4: site 'South Site' must be 1 to 32/),
    "line 5: '10.0.0.0/8,a,b' is not PREFIX,SITE",
  ]);
});

test('one prefix in two sites is a contradiction, twice in the same one is not', () => {
  expect(read('10.0.0.0/8,a\n10.0.0.0/8,b')).toEqual(['line 2: 10.0.0.0/8 belongs to site a by line 1, and here to b']);
  expect(read('10.0.0.0/8,a\n::ffff:10.0.0.0/104,a')).toEqual(['10.0.0.0/8 a']);
});

test.each([
  ['[{"prefix":"10.0.0.0/8"}]', 'entry 1: \'10.0.0.0/8\' is not {"prefix": TEXT, "site": TEXT}'],
  ['[1]', 'entry 1: \'\' is not {"prefix": TEXT, "site": TEXT}'],
  ['[{]', expect.stringMatching(/^file: '' is not JSON/)],
])('JSON %s is refused with its entry', (text, problem) => {
  expect(read(text)).toEqual([problem]);
});

test('of very many problems the first are told, and how many more there are', () => {
  const problems = read(Array.from({ length: 100 }, () => 'oops').join('\n'));
  expect(problems).toHaveLength(21);
  expect(problems.at(-1)).toBe('and 80 more');
});

test('a line that is read byte by byte means what it means when it is read with care', () => {
  const part = fc.oneof(
    fc.constantFrom(
      '10.0.0.0/8,north',
      '192.0.2.0/24,a.b_c-d',
      '1.2.3.4/32,x\r',
      '0.0.0.0/0,z',
      '255.255.255.255/32,9',
    ),
    fc.string({
      unit: fc.constantFrom('0', '1', '2', '5', '9', '.', '/', ',', ' ', '"', '#', 'a', '-', '\r', ':'),
      maxLength: 20,
    }),
    fc
      .tuple(fc.nat(300), fc.nat(300), fc.nat(300), fc.nat(300), fc.nat(40))
      .map((n) => `${n.slice(0, 4).join('.')}/${n[4]},s`),
  );
  fc.assert(
    fc.property(part, (line) => {
      const bytes = Buffer.from(`,9${line}1.`);
      const row = readPlainRow(bytes, 2, bytes.length - 2, { word: 0, length: 0, siteStart: 0, siteEnd: 0 });
      if (row === undefined) return;
      const careful = csvRow(1, line, false);
      if (careful === undefined || careful === 'header' || careful.problem !== undefined) throw new Error(line);
      const prefix = parsePrefix(careful.prefix);
      expect(prefix).toEqual({ address: { words: [row.word] }, length: row.length });
      expect(bytes.toString('latin1', row.siteStart, row.siteEnd)).toBe(careful.siteId);
    }),
    { numRuns: 5000 },
  );
});

test('plain lines are not left to the careful reader', () => {
  for (const line of ['10.0.0.0/8,north', '192.0.2.0/24,a.b_c-d', '0.0.0.0/0,z']) {
    const bytes = Buffer.from(line);
    const row = { word: 0, length: 0, siteStart: 0, siteEnd: 0 };
    expect(readPlainRow(bytes, 0, bytes.length, row)).toBe(row);
  }
});

test('contradictions among many rows are told with both lines, and the rest counted', () => {
  const lines = Array.from({ length: 200 }, (_, index) => `10.${index % 100}.0.0/16,s${index < 100 ? 'a' : 'b'}`);
  const problems = read(lines.join('\n'));
  expect(problems).toHaveLength(21);
  expect(problems[0]).toMatch(/^line 101: 10\.0\.0\.0\/16 belongs to site sa by line 1, and here to sb$/);
  expect(problems.at(-1)).toBe('and 80 more');
});

test('a coverage zone file of Traffic Control is a table of prefixes', () => {
  const zones = {
    revision: 'x',
    customerName: 'y',
    coverageZones: {
      north: { network: ['203.0.113.0/24'], network6: ['2001:db8::/32'], coordinates: { latitude: 1, longitude: 2 } },
      south: { network: ['203.0.113.128/25'] },
    },
  };
  expect(read(JSON.stringify(zones))).toEqual([
    '203.0.113.0/24 north',
    '203.0.113.128/25 south',
    '2001:db8::/32 north',
  ]);
  expect(read('{"coverageZones":{"north":{"network":["x"]}}}')).toEqual(["zone north: 'x' is not ADDRESS/LENGTH"]);
  expect(read('{"coverageZones":{"north":{"network":"x"}}}')[0]).toMatch(/neither a list nor coverage zones/);
});
