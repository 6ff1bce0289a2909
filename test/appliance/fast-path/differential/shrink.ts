import type { Script } from './generate.ts';

/** The smallest script found that still differs, by leaving out requests, pieces, lines and characters. */
export async function shrink(script: Script, differs: (script: Script) => Promise<boolean>): Promise<Script> {
  let smallest = script;
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const candidate of smaller(smallest)) {
      if (!(await differs(candidate))) continue;
      smallest = candidate;
      isSmaller = true;
      break;
    }
  }
  return smallest;
}

function* smaller({ sound, last, isPipelined }: Script): Generator<Script, void, undefined> {
  for (const at of sound.keys()) yield { sound: sound.toSpliced(at, 1), last, isPipelined };
  if (last.length > 1) yield { sound, last: [last.join('')], isPipelined };
  const text = last.join('');
  if (last.length === 1) {
    const lines = text.split('\r\n');
    for (const at of lines.keys()) yield { sound, last: [lines.toSpliced(at, 1).join('\r\n')], isPipelined };
    for (const size of [256, 64, 16, 4, 1]) {
      for (let at = 0; at + size <= text.length; at += size)
        yield { sound, last: [text.slice(0, at) + text.slice(at + size)], isPipelined };
    }
  }
  for (const [at, request] of sound.entries()) {
    const lines = request.split('\r\n');
    for (let line = 1; line < lines.length - 2; line += 1) {
      yield { sound: sound.with(at, lines.toSpliced(line, 1).join('\r\n')), last, isPipelined };
    }
  }
}
