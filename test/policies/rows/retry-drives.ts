import type { Ask, Lab } from '../../support/lab.ts'
import type { ScriptedService } from '../../support/scripted-service.ts'

/** What the caller gets, and how often the service was asked. Pauses are as short as chance allows: none. */
export async function tries(
  lab: Lab,
  script: ScriptedService['answer'],
  ask: Ask = {},
): Promise<unknown> {
  const { backend } = lab.services
  lab.clock.setRandom([0])
  backend.answer = script
  const { status } = await lab.settled(lab.ask('/', ask))
  return { status, tries: backend.arrivals.length }
}

/** The pauses before each further try, in ms, of a service that always fails. Chance is in the middle. */
export async function pauses(
  lab: Lab,
  count: number,
  headers: Readonly<Record<string, string>> = {},
  ask: Ask = {},
): Promise<readonly (number | null)[]> {
  const { counters } = lab.sidecar.cluster('backend')
  const begun = (): number => counters.upstream_rq_total + counters.upstream_rq_pending_total
  lab.services.backend.answer = (_arrival, response) => {
    response.writeHead(503, headers)
    response.end()
  }
  const answer = lab.ask('/', ask)
  const found: (number | null)[] = []
  for (let n = 1; n <= count; n += 1) {
    await lab.until(() => counters.upstream_rq_retry === n)
    const before = begun()
    found.push(lab.passed(() => begun() > before))
  }
  await lab.settled(answer)
  return found
}
