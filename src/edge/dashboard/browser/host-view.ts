/** The second screen: one host, its ledger and its charts, live or over a range. */
import { LIMITS } from '../../../model/limits.ts';
import { cursorLabel } from '../axis.ts';
import { latestOf } from '../dataset.ts';
import { PRESETS, type Preset, type Range, type Span } from '../ranges.ts';
import { formatAge, freshness } from '../relative-time.ts';
import { hostHash } from '../routes.ts';
import { formatDuration } from '../units.ts';
import { ChartWall } from './chart-wall.ts';
import { html, setAttribute, setText } from './element.ts';
import { HostSource } from './host-source.ts';
import { ledgerPanel } from './ledger-panel.ts';
import type { Services, View } from './services.ts';

function rangeLinks(client: string, range: Range): HTMLElement {
  const links = (Object.keys(PRESETS) as Preset[]).map((preset) => {
    const { label, title } = PRESETS[preset];
    const link = html('a', { class: 'range', href: hostHash(client, preset), title }, label);
    if (preset === range) link.setAttribute('aria-current', 'true');
    return link;
  });
  if (typeof range === 'object') {
    const ends = [range.startMs, range.endMs].map((ms) => cursorLabel(new Date(ms), false));
    links.push(html('a', { class: 'range', 'aria-current': 'true', href: hostHash(client, range) }, ends.join(' to ')));
  }
  return html('nav', { class: 'ranges', 'aria-label': 'Time range' }, ...links);
}

function hostHead(client: string, range: Range) {
  const dot = html('span', { class: 'dot', role: 'img' });
  const facts = html('p', { class: 'host-facts' });
  const seen = html('span', { class: 'host-seen' });
  const back = html('a', { class: 'back', href: '#/', 'aria-label': 'All hosts' }, '←');
  const title = html('h1', { tabindex: '-1' }, dot, client);
  const element = html(
    'div',
    { class: 'host-head' },
    html('div', { class: 'host-title' }, back, title, seen),
    facts,
    rangeLinks(client, range),
  );
  return {
    element,
    show(source: HostSource, nowMs: number) {
      const { status, seenMs } = source;
      if (seenMs === 0) return;
      const state = freshness(nowMs - seenMs);
      setAttribute(element, 'data-freshness', state);
      setAttribute(dot, 'aria-label', state);
      setText(seen, `${state}, seen ${formatAge(nowMs - seenMs)}`);
      const uptime = source.data && latestOf(source.data.series, 'uptime_seconds');
      const skewMs = status?.skew_ms ?? 0;
      const words = [
        status?.datacenter,
        status?.environment,
        uptime === undefined ? undefined : `up ${formatDuration(Math.floor(uptime / 60) * 60)}`,
        Math.abs(skewMs) < LIMITS.pageSkewMs
          ? undefined
          : `its clock is ${formatDuration(Math.abs(skewMs) / 1000)} ${skewMs > 0 ? 'behind' : 'ahead'}`,
      ];
      setText(facts, words.filter(Boolean).join(' · '));
    },
  };
}

/** Why there is no chart, and where there may be one. */
function emptyNote(client: string, range: Range, known: boolean | undefined): HTMLElement {
  if (known === false) {
    return html('p', { class: 'none' }, 'No host of this name has reported. ', html('a', { href: '#/' }, 'All hosts'));
  }
  const wider = range === 'live' ? '24h' : '7d';
  const elsewhere =
    range === '7d'
      ? []
      : [html('a', { href: hostHash(client, wider) }, `Look at the last ${wider === '24h' ? '24 hours' : '7 days'}`)];
  return html('p', { class: 'none' }, 'Nothing came from this host in this range. ', ...elsewhere);
}

export function hostView(services: Services, client: string, range: Range): View {
  const head = hostHead(client, range);
  const ledger = ledgerPanel();
  const wall = new ChartWall(services.theme, ({ startMs, endMs }: Span) => {
    const wider = Math.max(0, LIMITS.pageZoomMsMin - (endMs - startMs)) / 2;
    location.hash = hostHash(client, { startMs: startMs - wider, endMs: endMs + wider });
  });
  const note = html('div', { role: 'status' }, html('p', { class: 'none' }, 'Reading…'));
  const hint = html('p', { class: 'hint' }, 'Draw over a chart to look closer. Click a name to hide its line.');
  const element = html('div', { class: 'host-view' }, head.element, ledger.element, wall.element, note, hint);

  const show = (): void => {
    const { data, status, known, span } = source;
    head.show(source, services.now());
    ledger.element.hidden = status === undefined;
    if (status) ledger.show(status);
    const empty = data?.series.size === 0;
    hint.hidden = data === undefined || empty;
    if (!data) return;
    // Written once for each state: screen readers say what changes here.
    const state = empty ? `empty ${known}` : 'charts';
    if (note.dataset.state !== state) note.replaceChildren(...(empty ? [emptyNote(client, range, known)] : []));
    note.dataset.state = state;
    wall.show(data.series, span, data.fine);
  };
  const source = new HostSource(services, client, range, show);
  const stops = [
    services.every(1_000, () => head.show(source, services.now())),
    // The live range moves on although nothing comes.
    ...(range === 'live' ? [services.every(5_000, () => document.hidden || show())] : []),
  ];
  show();
  return {
    title: client,
    element,
    stop() {
      for (const stop of stops) stop();
      source.stop();
      wall.stop();
    },
  };
}
