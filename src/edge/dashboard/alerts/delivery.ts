/** Where a page stands, in words: first of all that nobody was told. */

export type Tone = 'good' | 'warn' | 'bad' | 'plain';

export interface Words {
  readonly text: string;
  /** A sentence, for who hovers or listens. */
  readonly explanation: string;
  readonly tone: Tone;
}

const DELIVERY: Readonly<Record<string, Words>> = {
  undelivered: { text: 'undelivered', explanation: 'No channel is set up for it: nobody was told.', tone: 'bad' },
  failed: { text: 'delivery failed', explanation: 'The channel did not take the page.', tone: 'bad' },
  waiting: { text: 'not paged yet', explanation: 'It waits for more of its group before it pages.', tone: 'plain' },
  sending: { text: 'sending', explanation: 'The page is on its way.', tone: 'plain' },
  delivered: { text: 'delivered', explanation: 'The page has arrived.', tone: 'good' },
  silenced: { text: 'silenced', explanation: 'A silence holds its page back.', tone: 'warn' },
  inhibited: { text: 'inhibited', explanation: 'Its host is down, which is paged by itself.', tone: 'plain' },
  maintenance: { text: 'in maintenance', explanation: 'A maintenance window holds its page back.', tone: 'warn' },
  not_needed: {
    text: 'no page needed',
    explanation: 'It ended, or was acknowledged, before anybody had to be told.',
    tone: 'plain',
  },
};

/** A word that the page does not know is shown as it is. */
export function deliveryWords(delivery: string): Words {
  const known = Object.hasOwn(DELIVERY, delivery) ? DELIVERY[delivery] : undefined;
  return known ?? { text: delivery, explanation: '', tone: 'plain' };
}

const INCIDENT_STATES: Readonly<Record<'open' | 'acknowledged' | 'resolved', Words>> = {
  open: { text: 'Open', explanation: 'Nobody has said yet that they look at it.', tone: 'bad' },
  acknowledged: { text: 'Acknowledged', explanation: 'Somebody looks at it.', tone: 'warn' },
  resolved: { text: 'Resolved', explanation: 'It is over.', tone: 'good' },
};

export function incidentStateWords(state: 'open' | 'acknowledged' | 'resolved'): Words {
  return INCIDENT_STATES[state];
}

const ALERT_STATES: Readonly<Record<string, Words>> = {
  pending: { text: 'pending', explanation: 'The condition holds, but not yet for long enough.', tone: 'plain' },
  firing: { text: 'firing', explanation: 'The condition holds.', tone: 'bad' },
  recovering: { text: 'recovering', explanation: 'The condition no longer holds, but not yet for long enough.', tone: 'warn' },
  unknown: { text: 'unknown', explanation: 'Data are missing or incomplete. It is not resolved.', tone: 'warn' },
  resolved: { text: 'resolved', explanation: 'It is over.', tone: 'good' },
  inactive: { text: 'inactive', explanation: 'The condition did not hold for long enough.', tone: 'plain' },
};

export function alertStateWords(state: string): Words {
  const known = Object.hasOwn(ALERT_STATES, state) ? ALERT_STATES[state] : undefined;
  return known ?? { text: state, explanation: '', tone: 'plain' };
}
