/** Base64 (RFC 4648, padded) on every host. */

/** As many arguments as every engine takes. */
const CHARACTERS_AT_ONCE = 8_192;

export function base64Of(bytes: Uint8Array): string {
  let characters = '';
  for (let i = 0; i < bytes.length; i += CHARACTERS_AT_ONCE)
    characters += String.fromCharCode(...bytes.subarray(i, i + CHARACTERS_AT_ONCE));
  return btoa(characters);
}

/** @returns undefined where it is none. */
export function bytesOfBase64(text: string): Uint8Array | undefined {
  let characters: string;
  try {
    characters = atob(text);
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}
