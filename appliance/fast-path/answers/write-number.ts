const ZERO = 0x30;

/**
 * Writes a number in decimal digits. No text is made: a head has three of them.
 * @param value a safe integer >= 0 @returns where it ends
 */
export function writeNumber(into: Uint8Array, at: number, value: number): number {
  let digits = 1;
  for (let bound = 10; value >= bound; bound *= 10) digits += 1;
  const end = at + digits;
  let rest = value;
  for (let place = end - 1; place >= at; place -= 1) {
    const tenth = Math.floor(rest / 10);
    into[place] = ZERO + (rest - tenth * 10);
    rest = tenth;
  }
  return end;
}
