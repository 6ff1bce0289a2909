/**
 * A copy of a text that was cut out of a larger one.
 *
 * What is cut out of a string is a view of it for V8 (from 13 characters on), and keeps the whole of it in memory. A
 * session of 64 characters that is remembered keeps the request line of eight thousand in which it came, and two hundred
 * thousand of them are 1.6 GB. So whatever is cut out of a request and outlives its answer is copied.
 * @param text ASCII
 */
export const ownText = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');
