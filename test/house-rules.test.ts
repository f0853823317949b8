import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')

/**
 * The architecture as a list: a file of the data plane may import values from rooms before its own and from its own,
 * never from a later one. `import type` may point anywhere. A file belongs to the first entry its path starts with.
 */
const rooms = [
  [
    'proxy/clock.ts',
    'proxy/pace.ts',
    'proxy/problems.ts',
    'proxy/log.ts',
    'proxy/field-check.ts',
    'proxy/regex.ts',
    'proxy/matcher.ts',
    'proxy/network.ts',
    'proxy/peer-match.ts',
    'proxy/headers.ts',
    'proxy/grpc.ts',
    'proxy/methods.ts',
    'proxy/unhealthy.ts',
    'proxy/sweep.ts',
    'proxy/spiffe.ts',
  ],
  [
    'proxy/telemetry/metric-row.ts',
    'proxy/telemetry/http2-metrics.ts',
    'proxy/telemetry/metrics.ts',
    'proxy/telemetry/response-flags.ts',
    'proxy/telemetry/registry.ts',
  ],
  [
    'proxy/exchange.ts',
    'proxy/env.ts',
    'proxy/inspection.ts',
    'proxy/local-reply.ts',
    'proxy/peer.ts',
    'proxy/xfcc.ts',
    'proxy/trust.ts',
    'proxy/tls-refusal.ts',
    'proxy/verify-peer.ts',
    'proxy/tls-context.ts',
  ],
  ['proxy/telemetry/'],
  ['proxy/codec/'],
  ['proxy/policy.ts', 'proxy/policies.ts', 'proxy/policies/', 'proxy/policy-check.ts'],
  ['proxy/model/'],
  ['proxy/route/'],
  ['proxy/upstream/'],
  ['proxy/cluster/'],
  ['proxy/http/', 'proxy/tcp/'],
  ['proxy/listener/'],
  ['proxy/apply.ts', 'proxy/apply/', 'proxy/inspect.ts'],
  ['proxy/proxy.ts'],
]

const roomOf = (file: string): number =>
  rooms.findIndex((places) =>
    places.some((place) => file === place || (place.endsWith('/') && file.startsWith(place))),
  )

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
}

/** Files whose values a file imports; what is imported for its types alone does not count. */
function valueImports(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const found: string[] = []
  for (const [, clause, from] of text.matchAll(
    /^import\s+(?!type\b)([^;]*?)\s*from\s+'([^']+)'/gm,
  )) {
    const names = /\{([^]*)\}/.exec(clause as string)?.[1]?.split(',') ?? ['value']
    if (names.some((name) => name.trim() !== '' && !name.trim().startsWith('type ')))
      found.push(from as string)
  }
  return found
}

t.test('house: every file of the data plane has its room', async (t) => {
  for (const file of sources('proxy')) t.ok(roomOf(file) >= 0, file)
})

t.test('house: imports in the data plane go one way', async (t) => {
  for (const file of sources('proxy')) {
    for (const from of valueImports(file)) {
      if (from.startsWith('node:')) continue
      const target = relative(root, join(root, dirname(file), from))
      t.ok(
        target.startsWith('proxy/') && roomOf(target) <= roomOf(file),
        `${file} imports ${target}`,
      )
    }
  }
})

t.test(
  'house: config knows the data plane, the agent knows both, nobody knows the agent',
  async (t) => {
    for (const file of sources('config')) {
      for (const from of valueImports(file))
        t.notMatch(from, /dp-agent|\/test\/|\/bench\//, `${file} imports ${from}`)
    }
    for (const file of sources('dp-agent')) {
      for (const from of valueImports(file))
        t.notMatch(from, /\/test\/|\/bench\//, `${file} imports ${from}`)
    }
  },
)

t.test('house: only main reads argv and environment, and exits', async (t) => {
  for (const file of [...sources('proxy'), ...sources('config'), ...sources('dp-agent')]) {
    if (file === 'dp-agent/main.ts') continue
    t.notMatch(readFileSync(join(root, file), 'utf8'), /process\.(argv|env|exit)\b/, file)
  }
})

t.test('house: no file of the product is longer than 400 lines', async (t) => {
  for (const file of [...sources('proxy'), ...sources('config'), ...sources('dp-agent')]) {
    const lines = readFileSync(join(root, file), 'utf8').split('\n').length
    t.ok(lines <= 400, `${file} has ${lines} lines`)
  }
})
