import type { Lab } from '../../support/lab.ts'
import type { Arrival, ScriptedService } from '../../support/scripted-service.ts'

/** What a service does with a request. */
export type Script = ScriptedService['answer']

/** Traffic of ours, which the services tell from probes by its path. */
export const call = '/call'
export const isProbe = ({ path }: Arrival): boolean => path !== call

/** Probes are answered so, traffic with 200. */
export const probed =
  (script: Script): Script =>
  (arrival, response, n) => {
    if (isProbe(arrival)) script(arrival, response, n)
    else response.end('ok')
  }

export const well = probed((_arrival, response) => void response.end('ok'))
export const cut = probed(({ request }) => void request.socket.destroy())
export const status = (code: number): Script =>
  probed((_arrival, response) => void response.writeHead(code).end())

/** Waits for the n-th probe of a cluster and for what comes of it; the ms until it began. */
export async function probe(lab: Lab, n: number, cluster = 'backend'): Promise<number | null> {
  const { counters } = lab.sidecar.cluster(cluster)
  const ms = lab.passed(() => counters.health_check_attempt >= n)
  await lab.until(() => counters.health_check_success + counters.health_check_failure >= n)
  // What has changed is looked at a moment later.
  lab.clock.tick(50)
  return ms
}

/** What a request is answered after each of these probes. */
export async function served(lab: Lab, ...scripts: readonly Script[]): Promise<readonly number[]> {
  const seen: number[] = []
  for (const [index, script] of scripts.entries()) {
    lab.services.backend.answer = script
    await probe(lab, index + 1)
    seen.push((await lab.settled(lab.ask(call))).status)
  }
  return seen
}
