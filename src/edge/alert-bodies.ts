/** From what is handed in over HTTP to what the book is handed: the model's names, and nothing that comes from the key or the path. */
import type { z } from 'zod';
import type { AlertRoute, Channel, Maintenance, Silence } from '../model/incident.ts';
import type { channelBody, maintenanceBody, routeBody, silenceBody } from './alert-schemas.ts';

type Handed<T> = Omit<T, 'id' | 'by'>;

export function silenceOf(body: z.output<typeof silenceBody>, nowMs: number): Handed<Silence> {
  return { match: body.match, comment: body.comment, startsMs: body.starts_ms ?? nowMs, endsMs: body.ends_ms };
}

export function maintenanceOf(body: z.output<typeof maintenanceBody>): Handed<Maintenance> {
  return {
    match: body.match,
    comment: body.comment,
    cron: body.cron,
    timeZone: body.time_zone,
    durationMs: body.duration_ms,
  };
}

/** Without secrets where none were handed in: those that it has stay. */
export function channelOf(
  body: z.output<typeof channelBody>,
): Handed<Channel> & { readonly secrets?: Readonly<Record<string, string>> } {
  return {
    type: body.type,
    settings: body.settings ?? {},
    ...(body.secrets === undefined ? {} : { secrets: body.secrets }),
    canaryEveryMs: body.canary_every_ms ?? undefined,
    enabled: body.enabled ?? true,
  };
}

/** Without the times that were left out: the book knows the usual ones. */
export function routeOf(body: z.output<typeof routeBody>): Partial<Handed<AlertRoute>> {
  return {
    match: body.match,
    channels: body.channels,
    ...(body.group_by === undefined ? {} : { groupBy: body.group_by }),
    ...(body.group_wait_ms === undefined ? {} : { groupWaitMs: body.group_wait_ms }),
    ...(body.group_interval_ms === undefined ? {} : { groupIntervalMs: body.group_interval_ms }),
    ...(body.repeat_ms === undefined ? {} : { repeatMs: body.repeat_ms }),
    ...(typeof body.escalate_after_ms === 'number' ? { escalateAfterMs: body.escalate_after_ms } : {}),
    escalateTo: body.escalate_to ?? [],
  };
}
