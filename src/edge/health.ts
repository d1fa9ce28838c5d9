/** What operators ask the process: its own metrics, and whether it is ready. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { TelemetryReader } from '../ports/telemetry.ts';

export async function telemetryAnswer(telemetry: TelemetryReader): Promise<Response> {
  return new Response(await telemetry.render(), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } });
}

/** @throws unavailable with the reason while the process is not ready. */
export function readinessAnswer({ ready, reason }: { readonly ready: boolean; readonly reason?: string }): Response {
  if (!ready) throw new MetricStreamError('unavailable', reason ?? 'Not ready.', { retryAfterMs: LIMITS.retryMs });
  return Response.json({ status: 'ready' });
}
