import type { FeedState } from './session.ts'

/** Whether a state may hold private keys: secrets of the model; of Kuma's resources a Secret, and a key where it is used. */
export function holdsKeys({ format, resources }: FeedState): boolean {
  const items = [...resources]
  if (format === 'model') return items.some(([key]) => key.startsWith('secrets/'))
  return items.some(
    ([, item]) =>
      item.type === 'Secret' ||
      (item.type === 'MeshExternalService' && JSON.stringify(item).includes('"clientKey"')),
  )
}
