/** Text broken between words into lines of at most so many characters; all but the first begin with the indent. */
export function wrapWords(text: string, width: number, indent: string): string {
  if (text.length <= width) return text;
  const lines: string[] = [];
  const [margin = ''] = /^ */.exec(text) ?? [];
  let line = '';
  for (const word of text.slice(margin.length).split(' ')) {
    const longer = line === '' ? `${lines.length === 0 ? margin : ''}${word}` : `${line} ${word}`;
    if (longer.length > Math.max(8, width) && line !== '') {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line].join(`\n${indent}`);
}
