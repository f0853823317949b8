import { toJsonSchema } from '@valibot/to-json-schema'
import type { Kind } from '../../config/kuma/resources.ts'
import { resourceSchemas } from '../../config/kuma/resources.ts'

type JsonSchema = ReturnType<typeof toJsonSchema>

const draft = 'http://json-schema.org/draft-07/schema#'

/** Kinds of resources in the order of the alphabet. */
export const kinds = Object.keys(resourceSchemas).sort() as readonly Kind[]

/** The JSON Schema of one kind, made from the schema that resources are checked with. */
export function schemaOf(kind: Kind): JsonSchema {
  const { $schema, ...schema } = toJsonSchema(resourceSchemas[kind], {
    target: 'draft-07',
    overrideAction: ({ valibotAction, jsonSchema }) =>
      valibotAction.type === 'metadata' && 'metadata' in valibotAction
        ? withMetadata(jsonSchema, valibotAction.metadata as Metadata)
        : jsonSchema,
  })
  const type = { const: kind, description: 'Kind of the resource.' }
  return { $schema, title: kind, ...schema, properties: { ...schema.properties, type } }
}

/** One schema for a file of any kind: `type` chooses. */
export function schemaOfAll(): JsonSchema {
  return {
    $schema: draft,
    title: 'Kuma resource',
    type: 'object',
    required: ['type'],
    properties: { type: { enum: [...kinds], description: 'Kind of the resource.' } },
    allOf: kinds.map((kind) => whenType(kind, { $ref: `${kind}.json` })),
  }
}

interface Metadata {
  readonly description?: string
  readonly default?: string | number | boolean
  readonly unsupported?: boolean
  readonly hint?: string | null
  readonly sectionByType?: 'needed' | 'possible'
  readonly someOf?: readonly string[]
}

/** The converter has copied every key of the metadata already; those that are ours go again. */
function withMetadata(copied: JsonSchema, metadata: Metadata): JsonSchema {
  const { description, default: byDefault, unsupported, hint, sectionByType, someOf } = metadata
  const ours = ['unsupported', 'hint', 'sectionByType', 'someOf']
  const schema: JsonSchema = Object.fromEntries(
    Object.entries(copied).filter(([key]) => !ours.includes(key)),
  )
  return {
    ...schema,
    ...(description === undefined ? {} : { description }),
    ...(byDefault === undefined ? {} : { default: byDefault }),
    ...(unsupported === true ? { description: noEffect(hint) } : {}),
    ...(sectionByType === 'needed' ? { allOf: sections(schema) } : {}),
    ...(someOf === undefined ? {} : { anyOf: someOf.map((field) => ({ required: [field] })) }),
  }
}

const noEffect = (hint: string | null | undefined): string =>
  `Has no effect here${hint ? `: ${hint}` : ''}.`

/** `type: File` needs the field `file`, where there is such a field. */
function sections({ properties = {} }: JsonSchema): JsonSchema[] {
  const { type } = properties
  const words = typeof type === 'object' ? (type.enum ?? []) : []
  return words.flatMap((word): JsonSchema[] => {
    const section = Object.keys(properties).find(
      (key) => key !== 'type' && key.toLowerCase() === String(word).toLowerCase(),
    )
    if (section === undefined) return []
    return [whenType(word, { required: [section] })]
  })
}

const whenType = (type: JsonSchema['const'], consequence: JsonSchema): JsonSchema => ({
  if: { required: ['type'], properties: { type: { const: type } } },
  // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
  then: consequence,
})
