/** A moment taken apart, in UTC. */
interface Civil {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  /** 0 is Sunday. */
  readonly weekday: number
  /** 1 to 366. */
  readonly yearday: number
  readonly epochSecond: number
  readonly nanos: number
}

/** Unix ms in, text out. */
export type TimeFormat = (unixMs: number) => string

const dayMs = 86_400_000
const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July'],
  ...['August', 'September', 'October', 'November', 'December'],
]

/**
 * `2026-10-05T12:34:56.789Z`, Envoy's default for `%START_TIME%`. Warm: the text up to the second is kept, since
 * neighbouring lines share it.
 */
export function isoTime(): TimeFormat {
  let second = Number.NaN
  let text = ''
  return (unixMs) => {
    const now = Math.floor(unixMs / 1_000)
    if (now !== second) {
      second = now
      const at = civil(unixMs)
      text = `${date(at)}T${timeOfDay(at)}.`
    }
    // A small integer: turning a fraction into text costs three times as much.
    const ms = (unixMs - now * 1_000) | 0
    return `${text}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z`
  }
}

/**
 * A strftime format in UTC, with Envoy's `%f`, `%3f` … for the fraction of a second; null and the conversion at fault
 * when one is unknown. Source: Envoy `%START_TIME%`, POSIX strftime.
 */
export function compileTime(
  format: string,
): { readonly render: TimeFormat } | { readonly unknown: string } {
  const pieces: (string | ((at: Civil) => string))[] = []
  let end = 0
  for (const found of format.matchAll(/%(?:([1-9])?f|E([1-9*])S|(.?))/gs)) {
    pieces.push(format.slice(end, found.index))
    end = found.index + found[0].length
    const conversion = conversions[found[3] ?? '']
    if (found[0].endsWith('f')) pieces.push(fraction(Number(found[1] ?? 9)))
    else if (found[2] !== undefined) pieces.push(secondWithFraction(found[2]))
    else if (conversion !== undefined) pieces.push(conversion)
    else return { unknown: found[0] }
  }
  pieces.push(format.slice(end))
  return {
    render(unixMs) {
      const at = civil(unixMs)
      let out = ''
      for (const piece of pieces) out += typeof piece === 'string' ? piece : piece(at)
      return out
    },
  }
}

const pad = (value: number, width: number): string => String(value).padStart(width, '0')
const fraction = (digits: number) => (at: Civil) => pad(at.nanos, 9).slice(0, digits)

const date = (at: Civil): string => `${pad(at.year, 4)}-${pad(at.month, 2)}-${pad(at.day, 2)}`
const timeOfDay = (at: Civil): string =>
  `${pad(at.hour, 2)}:${pad(at.minute, 2)}:${pad(at.second, 2)}`

function secondWithFraction(digits: string): (at: Civil) => string {
  if (digits !== '*') return (at) => `${pad(at.second, 2)}.${fraction(Number(digits))(at)}`
  return (at) => `${pad(at.second, 2)}.${pad(at.nanos, 9)}`.replace(/\.?0+$/, '')
}

const conversions: Readonly<Record<string, (at: Civil) => string>> = {
  '%': () => '%',
  n: () => '\n',
  t: () => '\t',
  Y: (at) => pad(at.year, 4),
  y: (at) => pad(at.year % 100, 2),
  m: (at) => pad(at.month, 2),
  d: (at) => pad(at.day, 2),
  e: (at) => String(at.day).padStart(2),
  H: (at) => pad(at.hour, 2),
  I: (at) => pad(at.hour % 12 === 0 ? 12 : at.hour % 12, 2),
  p: (at) => (at.hour < 12 ? 'AM' : 'PM'),
  M: (at) => pad(at.minute, 2),
  S: (at) => pad(at.second, 2),
  j: (at) => pad(at.yearday, 3),
  a: (at) => (weekdays[at.weekday] ?? '').slice(0, 3),
  A: (at) => weekdays[at.weekday] ?? '',
  b: (at) => (months[at.month - 1] ?? '').slice(0, 3),
  B: (at) => months[at.month - 1] ?? '',
  F: date,
  D: (at) => `${pad(at.month, 2)}/${pad(at.day, 2)}/${pad(at.year % 100, 2)}`,
  T: timeOfDay,
  R: (at) => `${pad(at.hour, 2)}:${pad(at.minute, 2)}`,
  s: (at) => String(at.epochSecond),
  z: () => '+0000',
  Z: () => 'UTC',
}

/** Source: H. Hinnant, "chrono-compatible low-level date algorithms" (`civil_from_days`). */
function civil(unixMs: number): Civil {
  const days = Math.floor(unixMs / dayMs)
  const inDay = unixMs - days * dayMs
  const second = Math.floor(inDay / 1_000)
  // Years are counted from 1 March, so that a leap day is the last of its year; eras are 400 years.
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const inEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (inEra - Math.floor(inEra / 1_460) + Math.floor(inEra / 36_524) - Math.floor(inEra / 146_096)) /
      365,
  )
  const dayOfYear =
    inEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return {
    year,
    month,
    day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
    hour: Math.floor(second / 3_600),
    minute: Math.floor(second / 60) % 60,
    second: second % 60,
    weekday: (((days + 4) % 7) + 7) % 7,
    yearday: month > 2 ? dayOfYear + 60 + (leap ? 1 : 0) : dayOfYear - 305,
    epochSecond: Math.floor(unixMs / 1_000),
    nanos: Math.floor((inDay - second * 1_000) * 1e6),
  }
}
