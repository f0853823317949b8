import { setTimeout as delay } from 'node:timers/promises'
import type { Seen } from '../report.ts'

import { ask } from './ask.ts'
import type { Ask, Case, Exchange } from './case.ts'
import { comparable, type Difference, differences } from './compare.ts'
import { proxyNames, type RunningProxy, startProxy } from './proxies.ts'
import type { Surroundings } from './surroundings.ts'

/** Runs both proxies with the bootstrap of a case, and says where what came of the asks differs. */
export async function runCase(one: Case, around: Surroundings): Promise<Seen> {
  const { at, dir } = around
  const started = await Promise.allSettled(proxyNames.map((name) => startProxy(name, one, at, dir)))
  const proxies = started.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
  const failures = started.flatMap((result) =>
    result.status === 'rejected' ? String(result.reason) : [],
  )
  try {
    if (one.refused !== undefined) return judgeRefusal(one.refused, proxies, failures)
    const [failure] = failures
    if (failure !== undefined) return { ok: false, what: failure.slice(0, 1000) }
    const [envoy = [], outrider = []] = await allOf(proxies, (proxy) =>
      askAll(proxy, one.asks, around),
    )
    const compared = one.compared ?? ((exchanges: readonly Exchange[]) => exchanges)
    const seen = judge(one, envoy, differences(compared(envoy), compared(outrider)))
    return seen.ok
      ? seen
      : { ok: false, what: [seen.what, ...proxies.flatMap(complaints)].join('\n') }
  } finally {
    await Promise.all(proxies.map((proxy) => proxy.stop()))
  }
}

/** What it said that was not to be expected. */
const complaints = (proxy: RunningProxy): readonly string[] =>
  proxy
    .words()
    .split('\n')
    .filter((line) => / (warn|error) /.test(line))
    .map((line) => `          ${line}`)

/** Envoy runs it, and Outrider says all of this. */
function judgeRefusal(
  expected: readonly string[],
  proxies: readonly RunningProxy[],
  [words = 'both run it']: readonly string[],
): Seen {
  const unsaid = expected.filter((text) => !words.includes(text))
  const ok = unsaid.length === 0 && proxies.length === 1 && proxies[0]?.name === 'envoy'
  return { ok, what: ok ? `refused: ${expected.join(', ')}` : words }
}

/** One proxy after the other: the applications are the same, and know nothing of proxies. */
async function allOf<T>(
  proxies: readonly RunningProxy[],
  run: (proxy: RunningProxy) => Promise<T>,
): Promise<readonly T[]> {
  const all: T[] = []
  for (const proxy of proxies) all.push(await run(proxy))
  return all
}

async function askAll(
  proxy: RunningProxy,
  asks: readonly Ask[],
  { at, apps }: Surroundings,
): Promise<readonly Exchange[]> {
  const take = () => apps.flatMap((app) => app.take())
  const exchanges: Exchange[] = []
  for (const one of asks) {
    take()
    const answers = await ask(proxy.port, one, at.certificate)
    await delay(20) // a copy of a request may still be on its way
    exchanges.push(comparable({ ...answers, arrivals: take() }))
  }
  return exchanges
}

/** Equal where nothing else is expected, and different where it is. */
function judge(one: Case, envoy: readonly Exchange[], found: readonly Difference[]): Seen {
  const expected = Object.entries(one.differs ?? {})
  const wrong = found.filter(({ at }) => !expected.some(([place]) => isAt(at, place)))
  const gone = expected.filter(([place]) => !found.some(({ at }) => isAt(at, place)))
  const lines = [
    ...wrong.map(
      ({ at, envoy, outrider }) =>
        `${at}: Envoy ${JSON.stringify(envoy)}, Outrider ${JSON.stringify(outrider)}`,
    ),
    ...gone.map(([place]) => `${place}: was expected to differ`),
  ]
  if (lines.length > 0) return { ok: false, what: ['', ...lines].join('\n          ') }
  const reasons = new Set(expected.map(([, reason]) => `; differs: ${reason}`))
  return { ok: true, what: [summary(envoy), ...reasons].join('') }
}

/** `place` is the beginning of `at`, step by step; `*` is any step. */
function isAt(at: string, place: string): boolean {
  const steps = at.split('.')
  return place.split('.').every((step, index) => step === '*' || step === steps[index])
}

/** `200 3×, 404`, as a sign that something happened. */
function summary(exchanges: readonly Exchange[]): string {
  const counts = new Map<string, number>()
  for (const { status, body } of exchanges.flatMap(({ answers }) => answers)) {
    const key = String(status || body.split(/\r?\n/)[0])
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return [...counts].map(([key, times]) => (times === 1 ? key : `${key} ${times}×`)).join(', ')
}
