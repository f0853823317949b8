import { systemClock } from '../../proxy/clock.ts'
import { silentLog } from '../../proxy/log.ts'
import { emptySnapshot } from '../../proxy/model/snapshot.ts'
import { createProxy } from '../../proxy/proxy.ts'
import { chain, cluster, endpoints, listener, tcpFilter } from './snapshot.ts'

// Forwards what comes to the listening socket that is descriptor 3 to a port; says so once it does.
const proxy = createProxy({
  clock: systemClock,
  log: silentLog,
  reusePort: false,
  inherited: { outbound: 3 },
  workers: 1,
  onSpans: () => {},
  onLogs: () => true,
})
const failures = await proxy.apply({
  ...emptySnapshot,
  clusters: [cluster({ protocol: 'tcp' })],
  endpoints: [endpoints('app', Number(process.argv[2]))],
  listeners: [
    listener({
      name: 'out',
      socket: { kind: 'inherited', name: 'outbound' },
      filterChains: [chain({ filter: tcpFilter() })],
    }),
  ],
})
console.log(failures.length === 0 ? proxy.inspect().listeners[0]?.state : failures)
