import * as v from 'valibot'

/** A text, or the pairs of an OTLP `kvlistValue`; what is neither is the text of its JSON. */
export function bodyFields(body: unknown): readonly (readonly [string, string])[] {
  if (typeof body === 'string') return [['body', body]]
  const pairs = v.safeParse(keyValueList, body)
  if (!pairs.success) return [['body', JSON.stringify(body)]]
  return pairs.output.kvlistValue.values.map(({ key, value }) => [
    `body.${key}`,
    typeof value.stringValue === 'string' ? value.stringValue : JSON.stringify(value),
  ])
}

const keyValueList = v.object({
  kvlistValue: v.object({
    values: v.array(
      v.object({ key: v.string(), value: v.looseObject({ stringValue: v.optional(v.string()) }) }),
    ),
  }),
})
