import { existsSync, readFileSync } from 'node:fs'
import * as v from 'valibot'
import { parse } from 'yaml'
import type { TransparentProxy } from './node.ts'

const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))

const direction = v.optional(
  v.object({ enabled: v.optional(v.boolean()), port: v.optional(port) }),
  {},
)

/** What concerns us of the configuration that `kumactl install transparent-proxy` takes; the rest is for who writes the rules. */
const schema = v.object({
  ipFamilyMode: v.optional(v.picklist(['dualstack', 'ipv4', 'ipv6'])),
  redirect: v.optional(v.object({ inbound: direction, outbound: direction }), {
    inbound: {},
    outbound: {},
  }),
})

/** Kuma's usual ports. */
export const usualInterception: TransparentProxy = {
  ipFamilyMode: 'dualstack',
  inboundPort: 15_006,
  outboundPort: 15_001,
}

/**
 * kuma-dp: `--transparent-proxy-config`, each a file or YAML itself; a later one adds to those before. A text is what is wrong with it.
 */
export function readTransparentProxy(given: readonly string[]): TransparentProxy | string {
  let made = usualInterception
  for (const one of given) {
    const text = existsSync(one) ? readFileSync(one, 'utf8') : one
    let value: unknown
    try {
      value = parse(text)
    } catch (error) {
      return `is not YAML: ${error instanceof Error ? error.message : String(error)}`
    }
    const read = v.safeParse(schema, value)
    if (!read.success) {
      const [issue] = read.issues
      return `${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`
    }
    made = merged(made, read.output)
  }
  return made
}

function merged(
  before: TransparentProxy,
  { ipFamilyMode, redirect }: v.InferOutput<typeof schema>,
): TransparentProxy {
  const { inbound, outbound } = redirect
  const portOf = (one: typeof inbound, known: number | null): number | null =>
    one.enabled === false ? null : (one.port ?? known)
  return {
    ipFamilyMode: ipFamilyMode === 'ipv4' ? 'ipv4' : before.ipFamilyMode,
    inboundPort: portOf(inbound, before.inboundPort),
    outboundPort: portOf(outbound, before.outboundPort),
  }
}
