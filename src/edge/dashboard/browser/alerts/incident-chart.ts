/** The metric of an incident around the time at which it began, with the threshold where it is known. */

import { ALERT_LIMITS } from '../../../../model/alert-limits.ts';
import { catalogueEntry } from '../../../../model/catalogue.ts';
import { LIMITS } from '../../../../model/limits.ts';
import type { IncidentFull, RuleAnswer } from '../../alerts/answers.ts';
import { type Measure, measureOf, spanAround } from '../../alerts/reading.ts';
import { planCharts } from '../../chart-plan.ts';
import { type Dataset, datasetOfSamples, datasetOfWindows, frameOf, meanOf } from '../../dataset.ts';
import { chooseStep, type Span } from '../../ranges.ts';
import { hostHash } from '../../routes.ts';
import { formatValue } from '../../units.ts';
import { Chart } from '../chart.ts';
import type { ChartMarks } from '../chart-marks.ts';
import { html } from '../element.ts';
import type { Services } from '../services.ts';

export interface IncidentChart {
  readonly element: HTMLElement;
  /** Reads and draws again, where that may bring something new. */
  show(incident: IncidentFull, rules: readonly RuleAnswer[]): void;
  stop(): void;
}

type Subject = Measure & { readonly client: string; readonly labels: Readonly<Record<string, string>> };

/** Of the first alert that reads a metric: one chart says enough of what went wrong. */
function subjectOf(incident: IncidentFull, rules: readonly RuleAnswer[]): Subject | undefined {
  for (const { group, rule, client_id, labels } of incident.alerts) {
    const spec = rules.find((one) => one.group === group && one.alert === rule);
    const measure = spec && measureOf(spec);
    if (measure !== undefined) return { ...measure, client: client_id, labels };
  }
  return undefined;
}

/** Labels that the rule gives an alert are not those of the series: what matches in all that it has is the alert's. */
function ownSeries(data: Dataset, { labels }: Subject): Dataset {
  const own = [...data].filter(([, series]) => Object.entries(series.labels).every(([name, value]) => labels[name] === value));
  return own.length > 0 ? new Map(own) : data;
}

/** Two lines of what was drawn, to know whether another drawing would differ. */
interface Drawn {
  readonly subject: string;
  readonly endMs: number;
}

export function incidentChart(services: Services): IncidentChart {
  const element = html('section', { class: 'incident-chart', 'aria-label': 'Chart' });
  element.hidden = true;
  let chart: Chart | undefined;
  let drawn: Drawn | undefined;
  let reading = false;
  let stopped = false;

  const read = async (subject: Subject, span: Span): Promise<{ data: Dataset; fine: boolean }> => {
    const { metric, client } = subject;
    if (span.endMs - span.startMs <= LIMITS.pageSamplesSpanMs) {
      return { data: datasetOfSamples(await services.api.samples({ client, metric, ...span })), fine: true };
    }
    const step = chooseStep(span.endMs - span.startMs);
    return {
      data: datasetOfWindows(await services.api.windows({ client, metric, fields: 'avg,min,max', ...span, ...step })),
      fine: false,
    };
  };
  const draw = (incident: IncidentFull, subject: Subject, span: Span, data: Dataset, fine: boolean): void => {
    const own = ownSeries(data, subject);
    // Alone it is a chart of its own, whatever it is drawn with on the page of its host.
    const [plan] = planCharts([...own.values()].map((series) => ({ ...series, mean: meanOf(series) })));
    element.hidden = plan === undefined;
    if (plan === undefined) return;
    chart?.stop();
    const unit = plan.unit || (catalogueEntry(subject.metric)?.unit ?? '');
    const ids = plan.series.map(({ id }) => id);
    const banded = ids.length === 1 && own.get(ids[0] ?? '')?.lows !== undefined;
    const onZoom = (zoom: Span): void => {
      location.hash = hostHash(subject.client, zoom);
    };
    chart = new Chart({
      plan: { ...plan, title: `${subject.metric} of ${subject.client}` },
      banded,
      theme: services.theme,
      onZoom,
      marks: marksOf(incident, subject, unit),
    });
    element.replaceChildren(chart.element);
    chart.draw(frameOf(own, ids), span, fine);
  };

  return {
    element,
    show(incident, rules) {
      const subject = subjectOf(incident, rules);
      if (subject === undefined || reading) return;
      const endMs = incident.resolved_ms ?? services.now();
      const key = JSON.stringify([subject, incident.acknowledged_ms, incident.notified_ms, incident.resolved_ms]);
      if (drawn?.subject === key && endMs - drawn.endMs < LIMITS.pagePollMs) return;
      const bounds = { leastMs: ALERT_LIMITS.pageIncidentLeadMs, mostMs: ALERT_LIMITS.pageIncidentSpanMsMax };
      const around = spanAround(incident.onset_ms, endMs, bounds);
      const span = { ...around, endMs: Math.min(around.endMs, services.now()) };
      reading = true;
      read(subject, span)
        .then(({ data, fine }) => {
          if (!stopped) draw(incident, subject, span, data, fine);
        }, services.report)
        .finally(() => {
          drawn = { subject: key, endMs };
          reading = false;
        });
    },
    stop() {
      stopped = true;
      chart?.stop();
    },
  };
}

function marksOf(incident: IncidentFull, { level }: Subject, unit: string): ChartMarks {
  const { onset_ms, notified_ms, acknowledged_ms, resolved_ms } = incident;
  const times = [
    { atMs: onset_ms, label: 'began', strong: true },
    { atMs: notified_ms, label: 'paged', strong: false },
    { atMs: acknowledged_ms, label: 'acknowledged', strong: false },
    { atMs: resolved_ms, label: 'resolved', strong: false },
  ].flatMap(({ atMs, ...rest }) => (atMs === null ? [] : [{ atMs, ...rest }]));
  const levels = level === undefined ? [] : [{ value: level, label: formatValue(level, unit) }];
  return { levels, times: times.sort((a, b) => a.atMs - b.atMs) };
}
