import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { demoPorts, shiftPortsIn, takenPorts } from '../../../dp-agent/demo/ports.ts'
import { freePorts } from '../../support/free-ports.ts'

const dataplanes = readFileSync(
  join(import.meta.dirname, '../../../config/demo/dataplanes.yaml'),
  'utf8',
)

t.test('demo ports: every port of config/demo is one the demo knows', async (t) => {
  const known = new Set<number>(Object.values(demoPorts))
  const named = [...dataplanes.matchAll(/\b(?:port|servicePort): (\d+)/g)].map(([, port]) =>
    Number(port),
  )
  t.ok(named.length > 0)
  t.same(
    named.filter((port) => !known.has(port)),
    [],
  )
})

t.test('demo ports: resources are moved as a whole and otherwise left alone', async (t) => {
  const moved = shiftPortsIn('port: 10001 # to 10001\nservicePort: 21080\nweight: 90\n', 1_000)
  t.equal(moved, 'port: 11001 # to 10001\nservicePort: 22080\nweight: 90\n')
  t.equal(shiftPortsIn(dataplanes, 0), dataplanes)
})

t.test('demo ports: those that somebody has are named, lowest first', async (t) => {
  const [free = 0, ...rest] = await freePorts(3)
  const taken = rest.sort((a, b) => a - b)
  for (const port of taken) {
    const server = createServer().listen(port, '127.0.0.1')
    t.teardown(() => server.close())
    await new Promise((resolve) => server.once('listening', resolve))
  }
  const [low = 0, high = 0] = taken
  const ports = Object.fromEntries(Object.keys(demoPorts).map((name) => [name, free]))
  const all = { ...demoPorts, ...ports, gateway: high, control: low }
  const found = await takenPorts(all)
  t.same(
    found.filter((port) => port !== free),
    [low, high],
  )
})
