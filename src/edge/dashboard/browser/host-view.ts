/** The second screen: one host, its ledger and its charts, live or over a range. */
import { LIMITS } from '../../../model/limits.ts';
import { cursorLabel } from '../axis.ts';
import { latestOf } from '../dataset.ts';
import { PRESETS, type Preset, type Range, type Span } from '../ranges.ts';
import { formatAge, freshness } from '../relative-time.ts';
import { hostHash } from '../routes.ts';
import { formatDuration } from '../units.ts';
import { chartWall } from './chart-wall.ts';
import { html, setAttribute, setText } from './element.ts';
import { type HostSource, hostSource } from './host-source.ts';
import { ledgerPanel } from './ledger-panel.ts';
import type { Services, View } from './services.ts';

/** A clock this far off is worth a word. */
const SKEW_SHOWN_MS = 1_000;

function rangeLinks(client: string, range: Range): HTMLElement {
  const links = (Object.keys(PRESETS) as Preset[]).map((preset) => {
    const { label, title } = PRESETS[preset];
    const link = html('a', { class: 'range', href: hostHash(client, preset), title }, label);
    if (preset === range) link.setAttribute('aria-current', 'true');
    return link;
  });
  if (typeof range === 'object') {
    const ends = [range.startMs, range.endMs].map((ms) => cursorLabel(new Date(ms), 60_000));
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
      const status = source.status();
      const seenMs = source.seenMs();
      if (seenMs === 0) return;
      const state = freshness(nowMs - seenMs);
      setAttribute(element, 'data-freshness', state);
      setAttribute(dot, 'aria-label', state);
      setText(seen, `${state}, seen ${formatAge(nowMs - seenMs)}`);
      const uptime = latestOf(source.data() ?? new Map(), 'uptime_seconds');
      const skewMs = status?.skew_ms ?? 0;
      const words = [
        status?.datacenter,
        status?.environment,
        uptime === undefined ? undefined : `up ${formatDuration(Math.floor(uptime / 60) * 60)}`,
        Math.abs(skewMs) < SKEW_SHOWN_MS
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
  ledger.element.hidden = true;
  const wall = chartWall(services.theme, ({ startMs, endMs }: Span) => {
    const wider = Math.max(0, LIMITS.pageZoomMsMin - (endMs - startMs)) / 2;
    location.hash = hostHash(client, { startMs: startMs - wider, endMs: endMs + wider });
  });
  const empty = html('div', { role: 'status' }, html('p', { class: 'none' }, 'Reading…'));
  const hint = html('p', { class: 'hint' }, 'Draw over a chart to look closer. Click a name to hide its line.');
  const element = html('div', { class: 'host-view' }, head.element, ledger.element, wall.element, empty, hint);

  const showCharts = (): void => {
    const data = source.data();
    if (!data) return;
    const nothing = data.size === 0;
    hint.hidden = nothing;
    wall.element.hidden = nothing;
    const shows = nothing ? `empty ${source.known()}` : 'charts';
    if (empty.dataset.shows !== shows) empty.replaceChildren(...(nothing ? [emptyNote(client, range, source.known())] : []));
    empty.dataset.shows = shows;
    wall.show(data, source.span(), source.stepMs());
  };
  const showStatus = (): void => {
    head.show(source, services.now());
    const status = source.status();
    ledger.element.hidden = status === undefined;
    if (status) ledger.show(status);
    if (source.data()?.size === 0) showCharts();
  };
  hint.hidden = true;
  const source = hostSource(services, client, range, showCharts, showStatus);
  const stopTicking = services.every(1_000, () => head.show(source, services.now()));
  // The live range moves on although nothing comes.
  const stopMoving = range === 'live' ? services.every(5_000, () => document.hidden || showCharts()) : () => {};
  return {
    title: client,
    element,
    stop() {
      stopTicking();
      stopMoving();
      source.stop();
      wall.stop();
    },
  };
}
