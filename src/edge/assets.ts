/** Serves the page's files, which are data-free and the same for everybody. */
import type { Asset } from './dashboard/assets.ts';

/** @param headers of every file, with the page's Content-Security-Policy. */
export function assetAnswer(request: Request, asset: Asset, headers: Readonly<Record<string, string>>): Response {
  const common = { ...headers, etag: asset.etag, 'cache-control': 'no-cache' };
  const known = request.headers.get('if-none-match')?.split(',');
  if (known?.some((etag) => etag.trim().replace(/^W\//, '') === asset.etag))
    return new Response(null, { status: 304, headers: common });
  return new Response(asset.body as Uint8Array<ArrayBuffer>, { headers: { ...common, 'content-type': asset.contentType } });
}
