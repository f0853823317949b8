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

/** kuma-dp: `--transparent-proxy-config`, a file or YAML itself. A text is what is wrong with it. */
export function readTransparentProxy(given: string): TransparentProxy | string {
  let value: unknown
  try {
    value = parse(existsSync(given) ? readFileSync(given, 'utf8') : given)
  } catch (error) {
    return `is not YAML: ${error instanceof Error ? error.message : String(error)}`
  }
  const read = v.safeParse(schema, value)
  if (read.success) return interceptionOf(read.output)
  const [issue] = read.issues
  return `${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`
}

function interceptionOf({
  ipFamilyMode,
  redirect: { inbound, outbound },
}: v.InferOutput<typeof schema>): TransparentProxy {
  const portOf = (one: typeof inbound, usual: number | null): number | null =>
    one.enabled === false ? null : (one.port ?? usual)
  return {
    ipFamilyMode: ipFamilyMode === 'ipv4' ? 'ipv4' : 'dualstack',
    inboundPort: portOf(inbound, usualInterception.inboundPort),
    outboundPort: portOf(outbound, usualInterception.outboundPort),
  }
}
