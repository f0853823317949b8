import * as v from 'valibot'

/** A number from 0 up to, not including, the given one. */
export type Pick = (below: number) => number

const texts = [
  ...[
    'a',
    'backend',
    'web',
    'main',
    '8080',
    'a.b.c',
    'x y',
    'é',
    '^a.*$',
    '(?=a)',
    '/',
    '/x',
    '/a b',
  ],
  ...['5s', '0s', '1h', '10ms', '9999h', '50.5', '0', '100', '1.9', '503', 'YQ==', '512 kbps'],
  ...['http://collector:9411/spans', 'host:1', '[::1]:80', 'spiffe://default/web', '10.0.0.9'],
  ...['%START_TIME%', 'unix:///run/a.sock', 'x-a', 'host', 'content-length', '{{ .Mesh }}', '*'],
]
const numbers = [
  ...[0, 1, 2, 3, 7, 50, 99, 100, 301, 404, 500, 599, 1_024, 65_535, 65_537, 4_294_967_295, 0.5],
]

/**
 * Some value that a schema accepts, its fields there or not as `pick` will have it. Values come from a fixed list, those
 * at the edges first of all; what the schema refuses is passed over.
 */
export function anyOf(schema: v.GenericSchema, pick: Pick): unknown {
  const inner = schema as v.GenericSchema & Parts
  switch (schema.type) {
    case 'optional':
      return pick(5) < 3 ? anyOf(inner.wrapped, pick) : undefined
    case 'strict_object':
      return Object.fromEntries(
        Object.entries(inner.entries)
          .map(([key, entry]) => [key, anyOf(entry, pick)])
          .filter(([, value]) => value !== undefined),
      )
    case 'array':
      return Array.from({ length: pick(3) }, () => anyOf(inner.item, pick))
    case 'union':
      return anyOf(inner.options[pick(inner.options.length)] as v.GenericSchema, pick)
    case 'picklist':
      return inner.options[pick(inner.options.length)]
    case 'record':
      return pick(2) === 0 ? {} : { [accepted(texts, v.string(), pick) as string]: 'a' }
    case 'boolean':
      return pick(2) === 0
    case 'number':
      return accepted(numbers, schema, pick)
    case 'string':
      return accepted(texts, schema, pick)
    default:
      return 'anything'
  }
}

interface Parts {
  readonly wrapped: v.GenericSchema
  readonly entries: Readonly<Record<string, v.GenericSchema>>
  readonly item: v.GenericSchema
  readonly options: readonly unknown[]
}

function accepted(values: readonly unknown[], schema: v.GenericSchema, pick: Pick): unknown {
  const fitting = values.filter((value) => v.safeParse(schema, value).success)
  return fitting[pick(fitting.length)]
}
