/** GET of what changes now where it is told over a WebSocket: the messages are the data of the server-sent events. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { NAME_PATTERN } from '../model/series.ts';
import type { LiveSockets } from '../ports/live-feed.ts';
import { liveNames } from '../protocols/live-message.ts';
import { checkQuery } from './checking.ts';
import { isSameOrigin } from './cookies.ts';
import { problem } from './problem.ts';
import type { Handler, KeyedCall } from './route.ts';
import { liveQuery } from './schemas.ts';

/** Who asks without a handshake is told by 426 that one is needed: the page chooses by that. */
export function liveSocket(sockets: LiveSockets): Handler<KeyedCall> {
  return ({ request, grant, principal, correlationId }) => {
    const { query } = checkQuery(request.url, liveQuery);
    if (request.method !== 'GET' || request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
      return problem('upgrade_required', correlationId, { headers: { upgrade: 'websocket' } });
    // A browser lets any site open a WebSocket to any other, and read it.
    if (grant.via === 'session' && !isSameOrigin(request)) throw new MetricStreamError('forbidden');
    const { tenant, keyId, sessionId, expiresMs } = principal;
    const metrics = metricsOf(query.metric);
    return sockets.connect({ tenant, client: query.client, metrics, keyId, sessionId, expiresMs });
  };
}

/** Without what no metric is called. */
function metricsOf(metric: string | undefined): readonly string[] | undefined {
  const names = liveNames(metric)?.filter((name) => NAME_PATTERN.test(name));
  if (names === undefined || names.join().length <= LIMITS.objectLiveFilterBytesMax) return names;
  throw new MetricStreamError('invalid_query', `The names in metric hold at most ${LIMITS.objectLiveFilterBytesMax} bytes.`);
}
