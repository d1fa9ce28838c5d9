/** The files that the page consists of, and the headers they are served with. */

/** What a request for a path of ASSETS is answered with. */
export interface Asset {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  /** With its quotes, as in the header. */
  readonly etag: string;
}

/** path → asset: one entry for each path of ASSETS. */
export type AssetTable = Readonly<Record<string, Asset>>;

/**
 * Where each asset comes from: `source` lies beside this file; scripts and styles are bundled, with uPlot, into one file each.
 * page.css gathers styles/theme.css, frame.css, fleet.css, hosts.css, host.css, alerts.css, incident.css, rules.css and channels.css.
 */
export const ASSETS = [
  { path: '/', source: 'page.html', contentType: 'text/html; charset=utf-8' },
  { path: '/assets/page.js', source: 'browser/page.ts', contentType: 'text/javascript; charset=utf-8' },
  { path: '/assets/page.css', source: 'page.css', contentType: 'text/css; charset=utf-8' },
] as const;

/**
 * Headers of every asset. No inline script or style, nothing from elsewhere, no text that becomes markup
 * (Trusted Types without a policy): a metric name can do nothing but be read.
 */
export const ASSET_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; require-trusted-types-for 'script'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};
