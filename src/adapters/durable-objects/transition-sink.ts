/** Transitions for the object that keeps incidents. */
import type { AlertService } from '../../ports/alert-service.ts';
import type { TransitionSink } from '../../ports/transition-sink.ts';
import { CALL_VERSION } from '../../protocols/shard-reply.ts';
import { ask } from './remote.ts';

export function remoteTransitionSink(options: { alerts(): Pick<AlertService, 'transitions'> }): TransitionSink {
  return {
    async deliver(transitions) {
      await ask(options.alerts().transitions({ version: CALL_VERSION, transitions }));
    },
  };
}
