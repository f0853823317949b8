import { readdirSync } from 'node:fs'
import type { Lab } from '../../support/lab.ts'
import type { PolicyTable } from '../../support/policy-table.ts'
import { call, cut, isProbe, probe, served, status, well } from './health-check-drives.ts'
import { probeRows } from './health-check-probes.ts'

/** Ms between the first probe and the second, with traffic before it or not. */
async function pause(lab: Lab, traffic: boolean): Promise<number | null> {
  if (traffic) await lab.settled(lab.ask(call))
  await probe(lab, 1)
  const { counters } = lab.sidecar.cluster('backend')
  const ms = lab.passed(() => counters.health_check_attempt === 2)
  return ms === null ? null : ms + 50
}

/** Ms until the first probe. */
const firstProbe = (lab: Lab): number | null =>
  lab.passed(() => lab.sidecar.cluster('backend').counters.health_check_attempt === 1)

/** Ms until a probe that is not answered has failed. */
async function patience(lab: Lab): Promise<number | null> {
  const { backend } = lab.services
  const { counters } = lab.sidecar.cluster('backend')
  backend.answer = () => {}
  lab.clock.tick(50)
  await lab.until(() => backend.arrivals.length === 1)
  const ms = lab.passed(() => counters.health_check_failure === 1)
  // The step after which the request arrived counts.
  return ms === null ? null : ms + 50
}

/** Which endpoints of `pool` get requests when two of them have failed their probe; 503 if none does. */
async function reached(lab: Lab): Promise<unknown> {
  const { pool1, pool2, pool3 } = lab.services
  const pool = { pool1, pool2, pool3 }
  pool1.answer = status(500)
  pool2.answer = status(500)
  await probe(lab, 3, 'pool')
  const statuses = new Set<number>()
  for (let i = 0; i < 30; i += 1) statuses.add((await lab.settled(lab.ask(call))).status)
  const places = Object.entries(pool).flatMap(([place, { arrivals }]) =>
    arrivals.some((arrival) => !isProbe(arrival)) ? [place] : [],
  )
  return { statuses: [...statuses], places }
}

/** Events after four probes that failed, by kind. */
async function failuresLogged(lab: Lab): Promise<number> {
  lab.services.backend.answer = cut
  for (let n = 1; n <= 4; n += 1) await probe(lab, n)
  lab.services.backend.answer = well
  await probe(lab, 5)
  const lines = await lab.lines('health.log', (all) =>
    all.some((line) => line.includes('"cluster_name":"backend","add_healthy_event"')),
  )
  return lines.filter((line) => line.includes('"backend","health_check_failure_event"')).length
}

export const meshHealthCheck: PolicyTable = {
  kind: 'MeshHealthCheck',
  section: 'to',
  rows: [
    {
      field: 'interval',
      shows: 'passes between two probes',
      set: '{interval: 5s, http: {}}',
      unset: '{http: {}}',
      drive: (lab) => pause(lab, true),
      expect: 5_000,
      otherwise: 60_000,
    },
    {
      field: 'noTrafficInterval',
      shows: 'passes between two probes of a cluster that nobody calls',
      set: '{interval: 5s, noTrafficInterval: 20s, http: {}}',
      unset: '{interval: 5s, http: {}}',
      drive: (lab) => pause(lab, false),
      expect: 20_000,
      otherwise: 60_000,
    },
    {
      field: 'initialJitter',
      shows: 'up to so long the first probe waits',
      set: '{initialJitter: 10s, http: {}}',
      unset: '{http: {}}',
      drive: async (lab) => firstProbe(lab),
      expect: 5_000,
      otherwise: 50,
    },
    {
      field: 'intervalJitter',
      shows: 'up to so long a probe comes later',
      set: '{intervalJitter: 10s, http: {}}',
      unset: '{http: {}}',
      drive: (lab) => pause(lab, true),
      expect: 65_000,
      otherwise: 60_000,
    },
    {
      field: 'intervalJitterPercent',
      shows: 'up to such a share of the interval a probe comes later',
      set: '{intervalJitterPercent: 50, http: {}}',
      unset: '{http: {}}',
      drive: (lab) => pause(lab, true),
      expect: 75_000,
      otherwise: 60_000,
    },
    {
      field: 'timeout',
      shows: 'a probe not answered by then has failed',
      set: '{timeout: 2s, http: {}}',
      unset: '{http: {}}',
      drive: patience,
      expect: 2_000,
      otherwise: 15_000,
    },
    {
      field: 'unhealthyThreshold',
      shows: 'after so many failures an endpoint gets no more requests',
      set: '{unhealthyThreshold: 2, failTrafficOnPanic: true, http: {}}',
      unset: '{failTrafficOnPanic: true, http: {}}',
      drive: (lab) => served(lab, well, cut, cut, cut, cut, cut),
      expect: [200, 200, 503, 503, 503, 503],
      otherwise: [200, 200, 200, 200, 200, 503],
    },
    {
      field: 'healthyThreshold',
      shows: 'after so many successes it gets requests again',
      set: '{healthyThreshold: 3, failTrafficOnPanic: true, http: {}}',
      unset: '{failTrafficOnPanic: true, http: {}}',
      drive: (lab) => served(lab, cut, well, well, well),
      expect: [503, 503, 503, 200],
      otherwise: [503, 200, 200, 200],
    },
    {
      field: 'healthyPanicThreshold',
      shows: 'with a smaller share of healthy endpoints all get requests',
      listener: 'pool',
      set: '{healthyPanicThreshold: 20, http: {}}',
      unset: '{http: {}}',
      drive: reached,
      expect: { statuses: [200], places: ['pool3'] },
      otherwise: { statuses: [200], places: ['pool1', 'pool2', 'pool3'] },
    },
    {
      field: 'failTrafficOnPanic',
      shows: 'then requests are answered 503 instead',
      listener: 'pool',
      set: '{failTrafficOnPanic: true, http: {}}',
      unset: '{http: {}}',
      drive: reached,
      expect: { statuses: [503], places: [] },
      otherwise: { statuses: [200], places: ['pool1', 'pool2', 'pool3'] },
    },
    {
      field: 'eventLogPath',
      shows: 'is the file of changes of health, in JSON',
      set: "{eventLogPath: '{{dir}}/health.log', http: {}}",
      unset: "{eventLogPath: '{{dir}}/other.log', http: {}}",
      drive: async (lab) => {
        lab.services.backend.answer = status(500)
        await probe(lab, 1)
        // Logs are written in batches.
        lab.clock.tick(1_000)
        await lab.until(() => readdirSync(lab.directory).length > 0)
        const [name = ''] = readdirSync(lab.directory)
        const [line = ''] = await lab.lines(name, (lines) => lines.length > 0)
        return { name, event: Object.keys(JSON.parse(line)).at(-2) }
      },
      expect: { name: 'health.log', event: 'eject_unhealthy_event' },
      otherwise: { name: 'other.log', event: 'eject_unhealthy_event' },
    },
    {
      field: 'alwaysLogHealthCheckFailures',
      shows: 'every failure is an event, not the first alone',
      set: "{alwaysLogHealthCheckFailures: true, eventLogPath: '{{dir}}/health.log', http: {}}",
      unset: "{eventLogPath: '{{dir}}/health.log', http: {}}",
      drive: failuresLogged,
      expect: 4,
      otherwise: 1,
    },
    {
      field: 'reuseConnection',
      shows: 'false: each probe has a connection of its own',
      set: '{reuseConnection: false, http: {}}',
      unset: '{http: {}}',
      drive: async (lab) => {
        for (let n = 1; n <= 3; n += 1) await probe(lab, n)
        return lab.services.backend.accepted.length
      },
      expect: 3,
      otherwise: 1,
    },
    ...probeRows,
  ],
}
