import type { ListenerInspection } from '../../proxy/inspection.ts'
import type { AgentView } from './agent-view.ts'
import { json, plainText, type Reply } from './reply.ts'

/** `/listeners`: name and bound address a line, as Envoy prints it; more with `format=json`. */
export async function listeners(agent: AgentView, query: URLSearchParams): Promise<Reply> {
  const inspection = await agent.workers.inspect()
  return query.get('format') === 'json'
    ? json({ listener_statuses: inspection.listeners.map(listenerJson) })
    : plainText(inspection.listeners.map(listenerLine).join('\n'))
}

const listenerLine = ({ name, address, port, failure }: ListenerInspection): string =>
  `${name}::${address.includes(':') ? `[${address}]` : address}:${port}${failure === null ? '' : ` (${failure})`}`

/** Envoy: `admin.v3.ListenerStatus`, with state and connections beside. */
const listenerJson = (listener: ListenerInspection) => ({
  name: listener.name,
  local_address: { socket_address: { address: listener.address, port_value: listener.port } },
  direction: listener.direction,
  state: listener.state,
  failure: listener.failure,
  connections: listener.connections,
})
