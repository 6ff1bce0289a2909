import { expect, test } from 'vitest';
import { formatPrefix } from '../../../steering/routing/ip-address.ts';
import { parsePrefixFile } from '../../../steering/routing/parse-prefix-file.ts';

async function read(text: string): Promise<string[]> {
  const parsed = await parsePrefixFile(text);
  if (parsed.kind === 'broken') return [...parsed.problems];
  return parsed.rows.map(({ prefix, siteId }) => `${formatPrefix(prefix)} ${siteId}`);
}

test('CSV may have a header, comments, blank lines, quotes and carriage returns', async () => {
  const text = '# viewers of the north\nprefix,site\r\n\n203.0.113.0/24,north # a town\n"2001:db8::/32" , "south"\r\n';
  expect(await read(text)).toEqual(['203.0.113.0/24 north', '2001:db8::/32 south']);
});

test('JSON is an array of prefix and site', async () => {
  expect(await read('[{"prefix":"203.0.113.0/24","site":"north"}]')).toEqual(['203.0.113.0/24 north']);
});

test('an empty file is an empty table', async () => {
  expect(await read('')).toEqual([]);
  expect(await read('prefix,site\n')).toEqual([]);
});

test('every bad line is named with its number, and the table is refused as a whole', async () => {
  const text = ['203.0.113.0/24,north', '203.0.113.5/24,north', 'oops', '10.0.0.0/8,South Site', '10.0.0.0/8,a,b'].join(
    '\n',
  );
  expect(await read(text)).toEqual([
    "line 2: '203.0.113.5/24' has bits set beyond its length: 203.0.113.0/24 is meant?",
    "line 3: 'oops' is not PREFIX,SITE",
    expect.stringMatching(/^line 4: site 'South Site' must be 1 to 32/),
    "line 5: '10.0.0.0/8,a,b' is not PREFIX,SITE",
  ]);
});

test('one prefix in two sites is a contradiction, twice in the same one is not', async () => {
  expect(await read('10.0.0.0/8,a\n10.0.0.0/8,b')).toEqual([
    'line 2: 10.0.0.0/8 belongs to site a by line 1, and here to b',
  ]);
  expect(await read('10.0.0.0/8,a\n::ffff:10.0.0.0/104,a')).toEqual(['10.0.0.0/8 a']);
});

test.each([
  ['[{"prefix":"10.0.0.0/8"}]', 'entry 1: \'10.0.0.0/8\' is not {"prefix": TEXT, "site": TEXT}'],
  ['[1]', 'entry 1: \'\' is not {"prefix": TEXT, "site": TEXT}'],
  ['[{]', expect.stringMatching(/^file: '' is not JSON/)],
])('JSON %s is refused with its entry', async (text, problem) => {
  expect(await read(text)).toEqual([problem]);
});

test('of very many problems the first are told, and how many more there are', async () => {
  const problems = await read(Array.from({ length: 100 }, () => 'oops').join('\n'));
  expect(problems).toHaveLength(21);
  expect(problems.at(-1)).toBe('and 80 more');
});
