/**
 * The same value with its typed arrays in memory that threads share. What crosses between threads is copied else, once
 * for each of them: forecasts of a hundred regions are half a gigabyte. Walks arrays, maps and plain objects; text and
 * numbers are copied as ever. Nobody may write to what comes out.
 */
export function shareArrays<T>(value: T): T {
  return shared(value) as T;
}

function shared(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return value instanceof DataView ? value : sharedCopy(value as TypedArray);
  if (Array.isArray(value)) return value.map(shared);
  if (value instanceof Map) return new Map([...value].map(([key, member]) => [key, shared(member)]));
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shared(member)]));
  return value;
}

type TypedArray = Uint8Array | Uint16Array | Int16Array | Int32Array | Uint32Array | Float32Array | Float64Array;

function sharedCopy<A extends TypedArray>(array: A): A {
  if (array.buffer instanceof SharedArrayBuffer) return array;
  const Kind = array.constructor as new (buffer: SharedArrayBuffer) => A;
  const copy = new Kind(new SharedArrayBuffer(array.byteLength));
  copy.set(array);
  return copy;
}

/** The buffers of a value that may be handed over to another thread instead of being copied. */
export function buffersOf(value: unknown, found: ArrayBuffer[] = []): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (
      value.buffer instanceof ArrayBuffer &&
      value.byteLength === value.buffer.byteLength &&
      !found.includes(value.buffer)
    )
      found.push(value.buffer);
  } else if (Array.isArray(value)) {
    for (const member of value) if (typeof member === 'object') buffersOf(member, found);
  } else if (value instanceof Map) {
    for (const member of value.values()) buffersOf(member, found);
  } else if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) if (typeof member === 'object') buffersOf(member, found);
  }
  return found;
}
