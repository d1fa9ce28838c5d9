/** Versions of documents as ETags, and what If-Match and If-None-Match ask of them (RFC 9110, 13.1). */
import { MetricStreamError } from '../model/errors.ts';

export function etagOf(version: number): string {
  return `"${version}"`;
}

/** Weak ones count, too: proxies that compress weaken what we sent, and a version is the same whatever its coding. */
const ETAG = /^(?:W\/)?"(\d{1,15})"$/;

function versionsOf(header: string): readonly number[] {
  return header.split(',').flatMap((one) => {
    const [, version] = ETAG.exec(one.trim()) ?? [];
    return version === undefined ? [] : [Number(version)];
  });
}

/** Whether who asks has this version already. */
export function isKnown(headers: Headers, version: number): boolean {
  const header = headers.get('if-none-match');
  return header !== null && (header.trim() === '*' || versionsOf(header).includes(version));
}

/**
 * The one version that a change may replace; 0: only where there is none; undefined: whatever is there.
 * @param current asks for the version that is there, where the headers leave a choice.
 * @throws stale | invalid_request for what cannot be asked of a change.
 */
export async function versionAsked(headers: Headers, current: () => Promise<number | undefined>): Promise<number | undefined> {
  const match = headers.get('if-match');
  const noneMatch = headers.get('if-none-match');
  if (noneMatch !== null) {
    if (noneMatch.trim() !== '*' || match !== null) {
      throw new MetricStreamError('invalid_request', 'A change takes If-None-Match: * or If-Match, and not both.');
    }
    return 0;
  }
  if (match === null) return undefined;
  const versions = versionsOf(match);
  const [first] = versions;
  if (first !== undefined && versions.length === 1) return first;
  const version = await current();
  if (version !== undefined && (match.trim() === '*' || versions.includes(version))) return version;
  throw new MetricStreamError('stale');
}
