/** What the forms make is what the server reads. */
import { describe, expect, it } from 'vitest';
import { channelBody, maintenanceBody, routeBody, silenceBody } from '../../../../src/edge/alert-schemas.ts';
import type { ChannelAnswer, RouteAnswer } from '../../../../src/edge/dashboard/alerts/answers.ts';
import { coverageOf, deadRoutes } from '../../../../src/edge/dashboard/alerts/coverage.ts';
import * as forms from '../../../../src/edge/dashboard/alerts/forms.ts';
import { CHANNEL_TYPES } from '../../../../src/model/incident.ts';

const channel = (part: Partial<ChannelAnswer>): ChannelAnswer => ({
  id: 'c',
  version: 1,
  changed_ms: 0,
  type: 'email',
  settings: {},
  canary_every_ms: null,
  enabled: true,
  ...part,
});
const route = (part: Partial<RouteAnswer>): RouteAnswer => ({
  id: 'r',
  version: 1,
  changed_ms: 0,
  match: {},
  channels: ['c'],
  group_by: ['rule'],
  group_wait_ms: 30_000,
  group_interval_ms: 300_000,
  repeat_ms: 14_400_000,
  escalate_after_ms: null,
  escalate_to: [],
  ...part,
});
const bodyOf = (made: forms.Made): object => {
  if (!made.ok) throw new Error(made.message);
  return made.body;
};

describe('the form of a channel', () => {
  it.each(CHANNEL_TYPES)('makes a body of %s that the server reads', (type) => {
    const names = forms.channelFields(type, true).map(({ name }) => name);
    const values = Object.fromEntries(names.map((name) => [name, name === 'canary' ? '1h' : 'x']));
    const body = bodyOf(forms.channelBody(type, { ...values, enabled: 'true' }));
    expect(channelBody.parse(body)).toMatchObject({ type, canary_every_ms: 3_600_000, enabled: true });
  });

  it('leaves out secrets that nobody typed: those that it has stay', () => {
    const values = { 'settings.url': 'https://a.example', enabled: 'false' };
    expect(bodyOf(forms.channelBody('webhook', values))).toEqual({
      type: 'webhook',
      settings: { url: 'https://a.example' },
      enabled: false,
    });
  });

  it('of a channel that there is asks for no secret again, nor for its name', () => {
    const fields = forms.channelFields('pagerduty', false);
    expect(fields.some(({ required }) => required)).toBe(false);
    expect(fields.map(({ name }) => name)).not.toContain('id');
  });

  it('a time that cannot be read is said', () => {
    expect(forms.channelBody('email', { canary: 'soon' }).ok).toBe(false);
  });
});

describe('the other forms', () => {
  it('a silence begins now and ends when it says', () => {
    const body = bodyOf(forms.silenceBody({ match: 'host=a', for: '1h 30m', comment: 'x' }, 1_000));
    expect(silenceBody.parse(body)).toEqual({ match: { host: 'a' }, comment: 'x', ends_ms: 5_401_000 });
    expect(forms.silenceBody({ match: 'host=a', for: '0' }, 0).ok).toBe(false);
    expect(forms.silenceBody({ match: 'host', for: '1h' }, 0).ok).toBe(false);
  });

  it('what there is comes back as it was', () => {
    const was = route({ match: { severity: 'high' }, escalate_after_ms: 900_000, escalate_to: ['m', 'n'] });
    const body = bodyOf(forms.routeBody(forms.routeValues(was)));
    const { id, version, changed_ms, ...rest } = was;
    expect(routeBody.parse(body)).toEqual(rest);
  });

  it('a maintenance window is read by the server', () => {
    const values = { match: 'host=*', cron: '0 2 * * 0', timeZone: 'Europe/Berlin', duration: '2h', comment: '' };
    expect(maintenanceBody.parse(bodyOf(forms.maintenanceBody(values)))).toMatchObject({ duration_ms: 7_200_000 });
  });
});

describe('who is told of what no route takes', () => {
  it('without channels nobody', () => {
    expect(coverageOf([], []).map(({ severity, channels }) => [severity, channels.length])).toEqual([
      ['critical', 0],
      ['high', 0],
      ['informational', 0],
      ['any other severity', 0],
    ]);
  });

  it('a channel that is switched off tells nobody', () => {
    const [, high] = coverageOf([channel({ enabled: false })], []);
    expect(high?.channels).toEqual([]);
    expect(deadRoutes([channel({ enabled: false })], [route({})])).toEqual(new Set(['r']));
  });

  it('a route that takes every alert leaves nothing', () => {
    expect(coverageOf([], [route({})])).toEqual([]);
    expect(coverageOf([], [route({ match: { severity: 'high' } })]).map(({ severity }) => severity)).not.toContain('high');
  });
});
