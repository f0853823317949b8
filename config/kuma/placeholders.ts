import type { About } from './policy.ts'

/** Placeholders that stand for something known beforehand. */
export const kumaPlaceholders = [
  'KUMA_MESH',
  'KUMA_ZONE',
  'KUMA_WORKLOAD',
  'KUMA_SOURCE_SERVICE',
  'KUMA_DESTINATION_SERVICE',
  'KUMA_SOURCE_ADDRESS',
  'KUMA_SOURCE_ADDRESS_WITHOUT_PORT',
  'KUMA_TRAFFIC_DIRECTION',
] as const

/** Puts in what is known beforehand; operators of traffic stay. */
export function resolvePlaceholders(text: string, about: About): string {
  const { direction, view, proxy, source, destination } = about
  const inbound = direction === 'inbound'
  const values: Readonly<Record<(typeof kumaPlaceholders)[number], string>> = {
    KUMA_MESH: view.name,
    KUMA_ZONE: proxy.zone,
    KUMA_WORKLOAD: proxy.labels['kuma.io/workload'] ?? '',
    KUMA_SOURCE_SERVICE: source,
    KUMA_DESTINATION_SERVICE: destination,
    KUMA_SOURCE_ADDRESS: inbound ? '%DOWNSTREAM_REMOTE_ADDRESS%' : `${proxy.address}:0`,
    KUMA_SOURCE_ADDRESS_WITHOUT_PORT: inbound
      ? '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%'
      : proxy.address,
    KUMA_TRAFFIC_DIRECTION: direction.toUpperCase(),
  }
  return kumaPlaceholders.reduce(
    (done, name) => done.replaceAll(`%${name}%`, () => values[name]),
    text,
  )
}
