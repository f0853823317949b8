import type { Connection, Exchange } from '../exchange.ts'
import { compileStringMatch } from '../matcher.ts'
import { compileNetwork } from '../network.ts'
import { compileRequestMatch } from './named-list.ts'
import type { RbacCondition } from './rbac-condition.ts'

/** Of a request and its path (`pathOf`), or of a connection alone (null), where requests are not asked for. */
export type ConditionTest = (
  connection: Connection,
  x: Exchange | null,
  path: string | null,
) => boolean

const noNames: readonly string[] = []

/** The path as it will be forwarded, without query and fragment; null where there is none. */
export function pathOf({ method, path }: Exchange): string | null {
  if (method === 'CONNECT') return null
  const query = path.indexOf('?')
  const plain = query < 0 ? path : path.slice(0, query)
  const fragment = plain.indexOf('#')
  return fragment < 0 ? plain : plain.slice(0, fragment)
}

/** A condition made ready. */
export function compileCondition(condition: RbacCondition): ConditionTest {
  switch (condition.kind) {
    case 'any':
      return () => true
    case 'all':
      return joined(condition.of.map(compileCondition), false)
    case 'some':
      return joined(condition.of.map(compileCondition), true)
    case 'not': {
      const test = compileCondition(condition.of)
      return (connection, x, path) => !test(connection, x, path)
    }
    case 'uri_san': {
      const test = compileStringMatch(condition.match)
      return ({ tls }) => (tls?.peer?.uriSans ?? noNames).some(test)
    }
    case 'server_name': {
      const test = compileStringMatch(condition.match)
      return ({ tls }) => test(tls?.sni ?? '')
    }
    case 'path': {
      const test = compileStringMatch(condition.match)
      return (_connection, _x, path) => path !== null && test(path)
    }
    case 'header': {
      const test = compileRequestMatch(condition.match)
      return (_connection, x) => x !== null && test(x)
    }
    case 'port': {
      const { from, to } = condition
      // A Unix socket has no port.
      return ({ localAddress, localPort }) =>
        localAddress !== '' && localPort >= from && localPort <= to
    }
    case 'address':
      return compileAddress(condition.whose, compileNetwork(condition.network))
    default:
      return condition satisfies never
  }
}

/** One by one until one is `verdict`, which is then that of all. */
function joined(tests: readonly ConditionTest[], verdict: boolean): ConditionTest {
  const [only] = tests
  if (only !== undefined && tests.length === 1) return only
  return (connection, x, path) => {
    for (const test of tests) if (test(connection, x, path) === verdict) return verdict
    return !verdict
  }
}

function compileAddress(
  whose: 'local' | 'remote' | 'caller',
  holds: (address: string) => boolean,
): ConditionTest {
  switch (whose) {
    case 'local':
      return ({ localAddress }) => holds(localAddress)
    case 'remote':
      return ({ remoteAddress }) => holds(remoteAddress)
    case 'caller':
      return (_connection, x) => x !== null && holds(x.callerAddress)
    default:
      return whose satisfies never
  }
}
