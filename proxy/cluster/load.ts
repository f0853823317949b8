/** How many endpoints of a failover level there are, and how many of them may be picked. */
export interface LevelCount {
  readonly total: number
  readonly healthy: number
}

export interface LevelLoad {
  /** Share of requests, whole percent. All levels together have 100, even when none has an endpoint. */
  readonly load: number
  /** Health is ignored: too few are left. */
  readonly panic: boolean
}

/**
 * Divides requests among failover levels. A level is as able as its share of healthy endpoints, times the
 * overprovisioning (so that at 140 % it stands the loss of 28 % of them); what it cannot take goes to the next. Where all
 * levels together are less than fully able, a level below `panicPercent` healthy ones panics; where all panic, they share by size.
 * Source: Envoy "Priority levels", "Panic threshold" (`LoadBalancerBase::recalculatePerPriorityState`), without degraded endpoints.
 */
export function shareLoad(
  counts: readonly LevelCount[],
  overprovisioningPercent: number,
  panicPercent: number,
): readonly LevelLoad[] {
  const able = counts.map(({ healthy, total }) =>
    total === 0 ? 0 : Math.min(100, Math.floor((overprovisioningPercent * healthy) / total)),
  )
  const allAble = Math.min(
    100,
    able.reduce((sum, percent) => sum + percent, 0),
  )
  if (allAble === 0 && panicPercent === 0) return counts.map((_, level) => onlyFirst(level))
  const panics = counts.map(
    ({ healthy, total }) =>
      allAble < 100 && (total === 0 ? 0 : (100 * healthy) / total) < panicPercent,
  )
  const loads = panics.every((panic) => panic) ? loadsBySize(counts) : loadsByAbility(able, allAble)
  return loads.map((load, level) => ({ load, panic: panics[level] === true }))
}

const onlyFirst = (level: number): LevelLoad => ({ load: level === 0 ? 100 : 0, panic: false })

function loadsByAbility(able: readonly number[], allAble: number): readonly number[] {
  let left = 100
  const loads = able.map((percent) => {
    const load = Math.min(left, Math.floor((percent * 100) / allAble))
    left -= load
    return load
  })
  return withRest(loads, left, (level) => (able[level] ?? 0) > 0)
}

function loadsBySize(counts: readonly LevelCount[]): readonly number[] {
  const all = counts.reduce((sum, { total }) => sum + total, 0)
  if (all === 0) return counts.map((_, level) => onlyFirst(level).load)
  let left = 100
  const loads = counts.map(({ total }) => {
    const load = Math.floor((100 * total) / all)
    left -= load
    return load
  })
  return withRest(loads, left, (level) => (counts[level]?.total ?? 0) > 0)
}

/** What rounding left over goes to the first level that can take load. */
function withRest(
  loads: readonly number[],
  rest: number,
  takes: (level: number) => boolean,
): readonly number[] {
  const first = loads.findIndex((_, level) => takes(level))
  return loads.map((load, level) => (level === first ? load + rest : load))
}
