/** Messages as JSON and back: bytes and columns in base64, numbers that JSON does not have by their names. */

const ARRAYS = { Uint8Array, Int32Array, Float64Array, Uint16Array, Uint32Array } as const;
type ArrayName = keyof typeof ARRAYS;

function frozenArray(value: ArrayBufferView): object {
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return { $array: value.constructor.name, base64: btoa(String.fromCharCode(...bytes)) };
}

/** Members that are undefined are left out, as whoever reads may find them missing. */
export function freeze(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return frozenArray(value);
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
    return { $number: Object.is(value, -0) ? '-0' : String(value) };
  if (Array.isArray(value)) return value.map(freeze);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name, freeze(member)]));
}

export function thaw(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(thaw);
  if (typeof value !== 'object' || value === null) return value;
  if ('$number' in value) return Number(value.$number);
  if ('$array' in value && 'base64' in value) {
    const bytes = Uint8Array.from(atob(String(value.base64)), (char) => char.charCodeAt(0));
    return new ARRAYS[value.$array as ArrayName](bytes.buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, thaw(member)]));
}
