/** Rules and alerts as Grafana reads them of a Prometheus. */
import { describe, expect, test } from 'vitest';
import { prometheusAlerts, prometheusRules } from '../../../src/edge/alert-answer-schemas.ts';
import type { Transition } from '../../../src/model/alert.ts';
import { NOW_MS } from '../harness.ts';
import { type AlertLab, alertLab, RULE, transitionOf } from './alert-lab.ts';

interface Rules {
  readonly data: { readonly groups: { readonly name: string; readonly rules: Record<string, unknown>[] }[] };
}

async function get(lab: AlertLab, path: string, role: 'read' | 'ingest' = 'read'): Promise<Response> {
  return lab.send('GET', `/prometheus/api/v1/${path}`, { key: await lab.key({ role }) });
}

async function rulesOf(lab: AlertLab, query = ''): Promise<Rules> {
  const response = await get(lab, `rules${query}`);
  expect(response.status).toBe(200);
  const answer = await response.json();
  expect(prometheusRules.parse(answer)).toEqual(answer);
  return answer as Rules;
}

function labWith(...transitions: readonly Partial<Transition>[]): AlertLab {
  const lab = alertLab();
  lab.trial.active.length = 0;
  for (const over of transitions) lab.trial.active.push({ transition: transitionOf(over), incident: '' });
  return lab;
}

test('rules stand in their groups, with their alerts', async () => {
  const answer = await rulesOf(alertLab());
  expect(answer).toEqual({
    status: 'success',
    data: {
      groups: [
        {
          name: 'builtin',
          file: 'metricstream',
          interval: 60,
          rules: [
            {
              type: 'alerting',
              name: 'HighCpu',
              query: 'avg(cpu) > params.threshold',
              duration: 300,
              keepFiringFor: 60,
              labels: { owner: 'secret', severity: 'high' },
              annotations: { summary: 'CPU of {{ host }} is busy' },
              alerts: [
                {
                  labels: { team: 'core', datacenter: 'fra1', alertname: 'HighCpu', host: 'secret-host', severity: 'high' },
                  annotations: { summary: 'CPU is busy' },
                  state: 'firing',
                  activeAt: new Date(NOW_MS - 360_000).toISOString(),
                  value: '93.2',
                },
              ],
              health: 'ok',
              state: 'firing',
            },
          ],
        },
      ],
    },
  });
});

test.each([
  ['pending', 'inactive', 'pending', 'ok'],
  ['firing', 'pending', 'firing', 'ok'],
  ['recovering', 'firing', 'firing', 'ok'],
  ['unknown', 'firing', 'firing', 'unknown'],
  ['unknown', 'pending', 'pending', 'unknown'],
] as const)('an alert that is %s after %s is %s there', async (to, from, state, health) => {
  const lab = labWith({ to, from, values: {} });
  const { data } = (await (await get(lab, 'alerts')).json()) as { data: { alerts: Record<string, unknown>[] } };
  expect(prometheusAlerts.parse({ status: 'success', data })).toEqual({ status: 'success', data });
  expect(data.alerts).toMatchObject([{ state, value: 'NaN' }]);
  expect(data.alerts[0]?.keepFiringSince !== undefined).toBe(to === 'recovering');
  expect((await rulesOf(lab)).data.groups[0]?.rules).toMatchObject([{ state, health }]);
});

test('a rule without alerts is inactive, and one that fires anywhere fires', async () => {
  expect((await rulesOf(labWith())).data.groups[0]?.rules).toMatchObject([{ state: 'inactive', alerts: [], health: 'ok' }]);
  const both = labWith({ to: 'pending', from: 'inactive', client: 'a' }, { client: 'b' }, { client: 'c', group: 'other' });
  const [rule] = (await rulesOf(both)).data.groups[0]?.rules ?? [];
  expect(rule).toMatchObject({ state: 'firing', alerts: [{ state: 'pending' }, { state: 'firing' }] });
});

test('rules are chosen as Prometheus chooses them', async () => {
  const lab = alertLab();
  const rules = [RULE, { ...RULE, alert: 'LowDisk' }, { ...RULE, group: 'own' }];
  Object.assign(lab.trial, { rules: async () => ({ version: 1, rules }) });
  const names = async (query: string) =>
    (await rulesOf(lab, query)).data.groups.map(({ name, rules: of }) => [name, ...of.map((one) => one.name)].join(' '));
  expect(await names('')).toEqual(['builtin HighCpu LowDisk', 'own HighCpu']);
  expect(await names('?type=alert')).toEqual(['builtin HighCpu LowDisk', 'own HighCpu']);
  expect(await names('?type=record')).toEqual([]);
  expect(await names('?rule_name[]=LowDisk&rule_name[]=none')).toEqual(['builtin LowDisk']);
  expect(await names('?rule_group[]=own')).toEqual(['own HighCpu']);
  expect(await names('?file[]=other.yaml')).toEqual([]);
  expect(await names('?limit_alerts=16')).toHaveLength(2);
  expect((await rulesOf(lab, '?exclude_alerts=true')).data.groups[0]?.rules).toMatchObject([{ state: 'firing', alerts: [] }, {}]);
});

describe('errors have Prometheus’ shape', () => {
  const rows = [
    ['no key', 401, 'bad_data'],
    ['another role', 403, 'bad_data'],
    ['a parameter that would be answered wrongly', 400, 'bad_data'],
    ['what broke', 500, 'internal'],
  ] as const;
  test.each(rows)('%s', async (what, status, errorType) => {
    const lab = alertLab();
    if (what === 'what broke') Object.assign(lab.trial, { rules: () => Promise.reject(new Error('in /srv/app.ts')) });
    const path = status === 400 ? 'rules?match[]={a="b"}' : 'rules';
    const response =
      status === 401
        ? await lab.send('GET', '/prometheus/api/v1/rules')
        : await get(lab, path, status === 403 ? 'ingest' : 'read');
    expect([response.status, response.headers.get('content-type')]).toEqual([status, 'application/json']);
    if (status === 401) expect(response.headers.get('www-authenticate')).toContain('Bearer');
    const answer = await response.json();
    expect(answer).toEqual({ status: 'error', errorType, error: expect.any(String) });
    expect(JSON.stringify(answer)).not.toContain('.ts');
  });

  test('and a type that is none is refused', async () => {
    expect((await get(alertLab(), 'rules?type=none')).status).toBe(400);
  });
});
