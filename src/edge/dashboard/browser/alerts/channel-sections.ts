/** The four lists of who is told: what a row of each says, and what its form asks. */
import type { ChannelType } from '../../../../model/incident.ts';
import type { RouteAnswer, SilenceAnswer } from '../../alerts/answers.ts';
import * as forms from '../../alerts/forms.ts';
import { matchText } from '../../alerts/matchers.ts';
import { exactTime, spanText, stretch } from '../../alerts/times.ts';
import { html, setAttribute, setText } from '../element.ts';
import type { Services } from '../services.ts';
import { type DocumentSection, documentSection } from './document-section.ts';
import { actionButton, toneChip } from './parts.ts';

function rowWhat(name: string, facts: readonly string[], ...more: HTMLElement[]): HTMLElement {
  const shown = facts.filter((fact) => fact !== '').join(' · ');
  return html(
    'div',
    { class: 'row-what' },
    html('b', { class: 'row-name' }, name),
    ...more,
    html('span', { class: 'row-facts' }, shown),
  );
}

/** Sends a real page; what came of it stands beside the button until the next. */
function testButton(services: Services, id: string): readonly HTMLElement[] {
  const said = html('span', { class: 'word', role: 'status' });
  const test = async (): Promise<void> => {
    setText(said, 'sending…');
    setAttribute(said, 'data-tone', 'plain');
    const { delivered, detail } = await services.alerts.testChannel(id).catch((failure: unknown) => {
      setText(said, '');
      throw failure;
    });
    setText(said, `${delivered ? 'delivered' : 'failed'}${detail === '' ? '' : `: ${detail}`}`);
    setAttribute(said, 'data-tone', delivered ? 'good' : 'bad');
  };
  return [said, actionButton(services, 'Test', test, 'is-small')];
}

export function channelSection(services: Services, changed: () => void): DocumentSection<'channels'> {
  return documentSection({
    services,
    changed,
    name: 'channels',
    title: 'Channels',
    one: 'channel',
    none: 'No channel is set up: every incident is undelivered.',
    isNamed: true,
    row: (channel) =>
      rowWhat(
        channel.id,
        [
          forms.channelSummary(channel),
          channel.canary_every_ms === null ? '' : `canary every ${spanText(channel.canary_every_ms)}`,
        ],
        ...(channel.enabled ? [] : [toneChip('switched off', 'warn')]),
      ),
    buttons: ({ id }) => testButton(services, id),
    fields: (values, channel) => forms.channelFields(channelType(values), channel === undefined),
    values: forms.channelValues,
    make: (values) => forms.channelBody(channelType(values), values),
  });
}

function channelType({ type }: forms.Values): ChannelType {
  return type !== undefined && Object.hasOwn(forms.CHANNEL_NAMES, type) ? (type as ChannelType) : 'email';
}

function routeFacts(route: RouteAnswer): string[] {
  return [
    Object.keys(route.match).length === 0 ? 'every alert' : matchText(route.match),
    `to ${route.channels.join(', ')}`,
    route.group_by.length === 0 ? 'one group' : `by ${route.group_by.join(', ')}`,
    `repeats every ${spanText(route.repeat_ms)}`,
    route.escalate_after_ms === null ? '' : `after ${spanText(route.escalate_after_ms)} to ${route.escalate_to.join(', ')}`,
  ];
}

/** @param isDead none of its channels is there. */
export function routeSection(
  services: Services,
  changed: () => void,
  isDead: (id: string) => boolean,
): DocumentSection<'routes'> {
  return documentSection({
    services,
    changed,
    name: 'routes',
    title: 'Routes',
    one: 'route',
    none: 'No route of your own. They are tried by name; the first that matches counts.',
    isNamed: true,
    row: (route) =>
      rowWhat(route.id, routeFacts(route), ...(isDead(route.id) ? [toneChip('undelivered: no such channel is on', 'bad')] : [])),
    fields: (_, route) => forms.routeFields(route === undefined),
    values: forms.routeValues,
    make: forms.routeBody,
  });
}

function silenceState(silence: SilenceAnswer, nowMs: number): HTMLElement {
  const end = exactTime(new Date(silence.ends_ms));
  if (nowMs >= silence.ends_ms) return toneChip('over', 'plain');
  const text = nowMs < silence.starts_ms ? `begins in ${stretch(silence.starts_ms - nowMs)}` : `until ${end}`;
  const chip = toneChip(text, 'warn');
  chip.title = `${exactTime(new Date(silence.starts_ms))} to ${end}`;
  return chip;
}

export function silenceSection(services: Services, changed: () => void): DocumentSection<'silences'> {
  const { now } = services;
  return documentSection({
    services,
    changed,
    name: 'silences',
    title: 'Silences',
    one: 'silence',
    none: 'Nothing is silenced.',
    isNamed: false,
    row: (silence) => rowWhat(matchText(silence.match), [silence.comment, `by ${silence.by}`], silenceState(silence, now())),
    fields: () => forms.SILENCE_FIELDS,
    values: (silence) => forms.silenceValues(silence, now()),
    make: (values, silence) => forms.silenceBody(values, now(), silence?.starts_ms),
  });
}

export function maintenanceSection(services: Services, changed: () => void): DocumentSection<'maintenance'> {
  return documentSection({
    services,
    changed,
    name: 'maintenance',
    title: 'Maintenance windows',
    one: 'maintenance window',
    none: 'No maintenance window.',
    isNamed: false,
    row: (one) =>
      rowWhat(matchText(one.match), [
        `${one.cron} (${one.time_zone})`,
        `for ${spanText(one.duration_ms)}`,
        one.comment,
        `by ${one.by}`,
      ]),
    fields: () => forms.MAINTENANCE_FIELDS,
    values: (one) => forms.maintenanceValues(one, Intl.DateTimeFormat().resolvedOptions().timeZone),
    make: forms.maintenanceBody,
  });
}
