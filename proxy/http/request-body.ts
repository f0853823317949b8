import type { Exchange } from '../exchange.ts'
import { mirrorBody, sendMirrors } from './mirror.ts'
import { type Routing, routingOf } from './routing.ts'

/** Request body held while there is no connection yet; more than this and the caller is told to wait. */
const holdBytes = 65_536

/** Passes a piece of the request body on, keeping it as long as another try may need it. Hot. */
export function sendBody(x: Exchange, chunk: Buffer): void {
  const r = routingOf(x)
  if (r.mirroring !== null) mirrorBody(x, chunk)
  if (r.sent && x.upstream !== null) x.upstream.data(x, chunk)
  if (x.tunnel || x.responseEnded) return
  keep(x, r, chunk)
  if (!r.sent && r.keptBytes >= holdBytes && !r.paused) {
    r.paused = true
    x.downstream.pause(x)
  }
}

/** Kept pieces are the buffers that were read; nothing is copied. */
function keep(x: Exchange, r: Routing, chunk: Buffer): void {
  if (r.sent && !r.replayable) return
  r.keptBytes += chunk.length
  r.kept.push(chunk)
  if (r.keptBytes <= x.replayLimit) return
  r.replayable = false
  if (r.sent) r.kept = []
}

export function sendBodyFlush(x: Exchange): void {
  const r = routingOf(x)
  if (!r.sent || x.upstream === null || x.upstream.flush(x)) return
  if (!r.paused) {
    r.paused = true
    x.downstream.pause(x)
  }
}

/** The request is whole. */
export function sendBodyEnd(x: Exchange): void {
  const r = routingOf(x)
  if (r.mirroring !== null) sendMirrors(x)
  if (!r.sent || x.upstream === null) return
  x.upstream.end(x, x.requestTrailers)
  x.upstream.flush(x)
}

/** The head of a try is out: what there is of the body follows, from the beginning. */
export function sendKeptBody(x: Exchange): void {
  const r = routingOf(x)
  const { upstream } = x
  if (upstream === null) return
  for (const chunk of r.kept) upstream.data(x, chunk)
  if (!r.replayable) r.kept = []
  if (x.requestEnded) upstream.end(x, x.requestTrailers)
  if (upstream.flush(x)) resumeBody(x)
}

export function resumeBody(x: Exchange): void {
  const r = routingOf(x)
  if (!r.paused) return
  r.paused = false
  x.downstream.resume(x)
}
