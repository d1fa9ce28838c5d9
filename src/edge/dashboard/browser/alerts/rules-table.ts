/** The rules in force, built-in ones included. */
import type { RuleAnswer } from '../../alerts/answers.ts';
import { spanText } from '../../alerts/times.ts';
import { historyHash } from '../../routes.ts';
import { html } from '../element.ts';
import { severityMark } from './parts.ts';

export function rulesTable() {
  const element = html('ul', { class: 'panel rule-list', 'aria-label': 'Rules in force' });
  return {
    element,
    show(rules: readonly RuleAnswer[]) {
      element.replaceChildren(...rules.map(ruleRow));
    },
  };
}

function ruleRow(rule: RuleAnswer): HTMLElement {
  const params = Object.entries(rule.params).map(([name, value]) => `${name} ${value}`);
  const facts = [
    rule.severity,
    rule.for_ms === 0 ? 'at once' : `for ${spanText(rule.for_ms)}`,
    rule.keep_firing_for_ms === 0 ? '' : `keeps firing for ${spanText(rule.keep_firing_for_ms)}`,
    ...params,
    rule.overrides.length === 0 ? '' : `${rule.overrides.length} ${rule.overrides.length === 1 ? 'override' : 'overrides'}`,
  ].filter((fact) => fact !== '');
  const past = html(
    'a',
    { href: historyHash({ rule: `${rule.group}/${rule.alert}`, host: '', range: '7d' }), class: 'rule-past' },
    'History',
  );
  return html(
    'li',
    { class: 'rule-row' },
    severityMark(rule.severity),
    html('div', { class: 'rule-name' }, html('b', {}, rule.alert), html('span', { class: 'rule-group' }, rule.group)),
    html(
      'div',
      { class: 'rule-body' },
      html('code', { class: 'rule-expr' }, rule.expr),
      html('span', { class: 'rule-facts' }, facts.join(' · ')),
    ),
    past,
  );
}
