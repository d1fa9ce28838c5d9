/** Secrets of channels at rest: sealed with a key that only the server's secret gives. */
import { MetricStreamError } from '../model/errors.ts';

/*
 * box = "v1." KID "." base64url(IV CIPHERTEXT TAG)
 * KID = first 8 hex digits of SHA-256("metricstream secret-box " SECRET), so that rotation finds the secret
 * key = HKDF-SHA-256(SECRET, no salt, "metricstream secret-box v1"), for AES-256-GCM; IV is 96 random bits
 * The context is authenticated: a box moved to another tenant or channel does not open.
 */
const VERSION = 'v1';
const LABEL = 'metricstream secret-box';
const IV_BYTES = 12;

export interface SecretBoxOptions {
  readonly secret: string;
  /** Still opens what it sealed: for rotation. */
  readonly previousSecret?: string | undefined;
}

export interface SecretBox {
  /** @param context what the secret belongs to: `tenant/channel`. */
  seal(text: string, context: string): Promise<string>;
  /** @returns undefined where it was sealed by another secret or for another context, or was changed. @throws schema_newer */
  open(box: string, context: string): Promise<string | undefined>;
  /** Whether it was sealed by the current secret; another should be sealed again before that secret goes. */
  isCurrent(box: string): Promise<boolean>;
}

interface Key {
  readonly kid: string;
  readonly key: CryptoKey;
}

export function secretBox(options: SecretBoxOptions): SecretBox {
  // Derived once, when first needed.
  const held: { keys?: Promise<readonly [Key, ...Key[]]> } = {};
  const keys = (): Promise<readonly [Key, ...Key[]]> => {
    held.keys ??= deriveAll(options);
    return held.keys;
  };
  return {
    async seal(text, context) {
      const [{ kid, key }] = await keys();
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const sealed = await crypto.subtle.encrypt(algorithm(iv, context), key, new TextEncoder().encode(text));
      const bytes = new Uint8Array(IV_BYTES + sealed.byteLength);
      bytes.set(iv);
      bytes.set(new Uint8Array(sealed), IV_BYTES);
      return `${VERSION}.${kid}.${base64url(bytes)}`;
    },
    async open(box, context) {
      const [version, kid, text] = box.split('.');
      if (version !== VERSION && /^v\d+$/.test(version ?? '')) throw new MetricStreamError('schema_newer');
      if (version !== VERSION) return undefined;
      const key = (await keys()).find((one) => one.kid === kid)?.key;
      const bytes = fromBase64url(text ?? '');
      if (key === undefined || bytes === undefined) return undefined;
      try {
        const iv = bytes.slice(0, IV_BYTES);
        const opened = await crypto.subtle.decrypt(algorithm(iv, context), key, bytes.slice(IV_BYTES));
        return new TextDecoder().decode(opened);
      } catch {
        return undefined;
      }
    },
    async isCurrent(box) {
      const [current] = await keys();
      return box.startsWith(`${VERSION}.${current.kid}.`);
    },
  };
}

function algorithm(iv: Uint8Array<ArrayBuffer>, context: string) {
  return { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(context) };
}

async function deriveAll(options: SecretBoxOptions): Promise<readonly [Key, ...Key[]]> {
  const { secret, previousSecret } = options;
  const previous = previousSecret === undefined ? [] : [await derive(previousSecret)];
  return [await derive(secret), ...previous];
}

async function derive(secret: string): Promise<Key> {
  const encoder = new TextEncoder();
  const material = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, ['deriveKey']);
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: encoder.encode(`${LABEL} ${VERSION}`) };
  const key = await crypto.subtle.deriveKey(hkdf, material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(`${LABEL} ${secret}`)));
  const kid = [...digest.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return { kid, key };
}

function base64url(bytes: Uint8Array): string {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return undefined;
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
}
