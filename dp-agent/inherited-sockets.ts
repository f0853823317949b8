/** Listening sockets that whoever started the process has opened for it. */
export interface InheritedSockets {
  /** One descriptor of each name that nobody has got yet. A descriptor is closed with its listener, so none is given twice. */
  take(): Readonly<Record<string, number>>
}

/** The first descriptor that is passed on. Source: sd_listen_fds(3). */
const firstDescriptor = 3

/**
 * By the protocol of systemd's socket activation (`LISTEN_PID`, `LISTEN_FDS`, `LISTEN_FDNAMES`). A name may occur several times: once
 * for each worker, and once for each that should be replaced after a crash.
 */
export function inheritedSockets(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): InheritedSockets {
  const { LISTEN_PID: whose, LISTEN_FDS: count = '0', LISTEN_FDNAMES: names = '' } = environment
  const mine = whose === String(pid) && /^\d{1,4}$/.test(count)
  const labels = names.split(':')
  const left = Array.from({ length: mine ? Number(count) : 0 }, (_, index) => ({
    name: labels[index] || 'unknown',
    descriptor: firstDescriptor + index,
  }))
  return {
    take() {
      const taken: Record<string, number> = {}
      for (const { name } of [...left]) {
        if (Object.hasOwn(taken, name)) continue
        const [found] = left.splice(
          left.findIndex((one) => one.name === name),
          1,
        )
        if (found !== undefined) taken[name] = found.descriptor
      }
      return taken
    },
  }
}
