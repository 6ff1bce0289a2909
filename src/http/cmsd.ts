/**
 * CMSD-Dynamic of CTA-5006: what each server on the way says of itself, the origin first and the one that answers last.
 *
 * Only `du` (under duress: go elsewhere) is said here. `etp` and `mb` would steer the bitrate of a player, which keeps
 * the last value that it saw, and an appliance knows nothing that the player does not measure better.
 *
 * No blanks anywhere: a player that is widely used splits the field at commas and semicolons without trimming.
 * @param upstream the field as it came with this very answer; undefined when what is sent was stored before
 */
export function cmsdDynamic(upstream: string | undefined, ownId: string, underDuress: boolean): string {
  const own = `"${ownId}"${underDuress ? ';du' : ''}`;
  const before = upstream === undefined ? '' : withoutBlanks(upstream);
  return before === '' ? own : `${before},${own}`;
}

/** Blanks between members and parameters mean nothing; those in strings do. */
const withoutBlanks = (text: string): string =>
  text.replace(/("(?:[^"\\]|\\.)*")|[ \t]+/g, (_all, quoted: string | undefined) => quoted ?? '');

/**
 * The fields of an answer without what other servers said of themselves when it was stored, and with what is said now.
 * @param dynamic undefined where nothing is said
 */
export function withCmsd(
  headers: Readonly<Record<string, string>>,
  dynamic: string | undefined,
): Record<string, string> {
  const all = { ...headers };
  delete all['cmsd-dynamic'];
  if (dynamic !== undefined) all['CMSD-Dynamic'] = dynamic;
  return all;
}
