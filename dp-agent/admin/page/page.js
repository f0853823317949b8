// The front page: asks /overview every two seconds and makes rates of two looks. Text only ever enters as textContent.
const periodMs = 2000
let before = null

const place = (id) => document.getElementById(id)

function element(tag, text, className = '') {
  const made = document.createElement(tag)
  made.textContent = text
  made.className = className
  return made
}

function row(cells) {
  const made = document.createElement('tr')
  made.append(...cells)
  return made
}

const cell = (text, className) => element('td', text, className)
const number = (value) => cell(value === null ? '–' : String(value), 'number')

function duration(ms) {
  const minutes = Math.floor(ms / 60000)
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`
  if (minutes < 120) return `${minutes} min`
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} days`
}

function perSecond(now, cluster, counter) {
  const earlier = before?.clusters.find((one) => one.name === cluster.name)
  if (earlier === undefined) return null
  const rate = ((cluster[counter] - earlier[counter]) * 1000) / (now.now - before.now)
  return Math.max(0, rate).toFixed(rate < 10 ? 1 : 0)
}

function facts(now) {
  const { config, certificate } = now
  return [
    ['version', now.version],
    ['up for', duration(now.now - now.startedAt)],
    ['configuration', `${now.source}, version ${config.version}${config.stale ? ', STALE' : ''}`],
    ['workers', now.workers.map((one) => one.state + (one.restarts > 0 ? ` (${one.restarts} restarts)` : '')).join(', ')],
    ['identity', certificate === null ? 'none: no mutual TLS' : certificate.spiffeId],
    ['certificate', certificate === null ? '–' : `${certificate.daysLeft} days left`],
  ].map(([name, value]) => {
    const pair = document.createElement('div')
    pair.append(element('dt', name), element('dd', value))
    return pair
  })
}

function endpoints(cluster) {
  const healthy = cluster.endpoints.filter((one) => one.unhealthy.length === 0).length
  const all = cluster.endpoints.length
  const made = cell(`${healthy} of ${all} healthy`, healthy === 0 ? 'bad' : healthy < all ? 'warm' : '')
  made.title = cluster.endpoints.map((one) => `${one.key} ${one.unhealthy.join(' ') || 'healthy'}`).join('\n')
  return made
}

function show(now) {
  document.title = `${now.name} · Outrider`
  place('name').textContent = now.name
  place('mesh').textContent = `in mesh ${now.mesh}`
  const state = place('state')
  state.textContent = [now.state, ...now.reasons].join(': ')
  state.className = `state ${now.state === 'LIVE' ? 'good' : 'bad'}`
  place('facts').replaceChildren(...facts(now))
  place('problems-section').hidden = now.problems.length === 0
  place('problems').replaceChildren(...now.problems.map((one) => element('li', one)))
  place('listeners').replaceChildren(
    ...now.listeners.map((one) =>
      row([
        cell(one.name),
        cell(`${one.address}:${one.port}`),
        cell(one.direction),
        cell(one.failure ?? one.state, one.state === 'failed' ? 'bad' : ''),
        number(one.connections),
      ]),
    ),
  )
  place('clusters').replaceChildren(
    ...now.clusters.map((one) =>
      row([
        cell(one.name),
        cell(one.protocol),
        endpoints(one),
        number(perSecond(now, one, one.protocol === 'tcp' ? 'connectionsTotal' : 'requests')),
        number(perSecond(now, one, 'errors')),
        number(one.requestsActive),
        number(one.p50Ms),
        number(one.p99Ms),
      ]),
    ),
  )
  before = now
}

async function refresh() {
  try {
    const response = await fetch('/overview')
    show(await response.json())
  } catch {
    const state = place('state')
    state.textContent = 'no answer'
    state.className = 'state bad'
  }
  setTimeout(refresh, periodMs)
}

refresh()
