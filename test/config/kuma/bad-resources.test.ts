import t from 'tap'
import { kumaFiles } from '../../../config/kuma/watch.ts'
import { type Emission, formatProblem } from '../../../config/source.ts'
import { validate } from '../../../config/validate.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { smallMesh } from '../../support/kuma.ts'

/** A resource of a kind; its spec is YAML in flow style. */
const spec = (kind: string, text: string): string => `type: ${kind}\nname: x\nspec: ${text}\n`
const networking = (text: string): string => `type: Dataplane\nname: x\nnetworking: ${text}\n`

/** What is written beside a mesh that is right, and the one error it gets, without the name of the file. */
const rows: readonly (readonly [title: string, text: string, error: string])[] = [
  // text that is no resource
  [
    'tab as indentation',
    'type: MeshRetry\nname: x\nspec:\n\tto: []',
    '4:1 error: is not YAML: Tabs are not allowed as indentation',
  ],
  [
    'a bracket left open',
    'type: MeshRetry\nname: x\nspec: [',
    '3:8 error: is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  [
    'a key given twice',
    'type: MeshRetry\nname: x\nname: y',
    '3:1 error: is not YAML: Map keys must be unique',
  ],
  [
    'an alias of nothing',
    'type: MeshRetry\nname: *nobody',
    '1:1 error: Unresolved alias (the anchor must be set before the alias): nobody',
  ],
  [
    'aliases that multiply',
    'a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\ntype: [*c,*c,*c,*c,*c]',
    '1:1 error: Excessive alias count indicates a resource exhaustion attack',
  ],
  ['a word alone', 'hello', '1:1 error: must be a map with type, name and so on'],
  ['a list', '- type: Mesh', '1:1 error: must be a map with type, name and so on'],
  [
    'no type',
    'name: x\nspec: {}',
    '1:1 error x: is no Kuma resource: the field "type" is missing; as in "type: Dataplane"',
  ],
  [
    'an Envoy bootstrap',
    'static_resources: {}',
    '1:1 error: is no Kuma resource: the field "type" is missing; for Envoy there is run --bootstrap',
  ],
  [
    'the Kubernetes form',
    'apiVersion: kuma.io/v1alpha1\nkind: MeshRetry\nmetadata: {name: x}\nspec: {}',
    '1:1 error: is in the Kubernetes form; the universal form is read; write type, mesh, name and spec at the top level',
  ],
  [
    'a mistyped type',
    'type: MeshRety\nname: x',
    '1:7 error MeshRety/x type: unknown resource type "MeshRety"; did you mean "MeshRetry"?',
  ],
  [
    'no name',
    'type: MeshTLS\nspec: {rules: [{default: {mode: Strict}}]}',
    '1:1 error MeshTLS name: is required',
  ],
  [
    'a name with a slash',
    'type: MeshTLS\nname: a/b\nspec: {rules: [{default: {mode: Strict}}]}',
    '2:7 error MeshTLS/a/b name: must be lower-case letters, digits, "-", "_" and ".", of at most 253, with a letter or digit at both ends, got "a/b"',
  ],
  [
    'a number as a name',
    'type: MeshTLS\nname: 5\nspec: {rules: [{default: {mode: Strict}}]}',
    '2:7 error MeshTLS name: must be lower-case letters, digits, "-", "_" and ".", of at most 253, with a letter or digit at both ends, got 5',
  ],
  ['no spec', 'type: MeshRetry\nname: x', '1:1 error MeshRetry/x spec: is required'],
  [
    'a list for a spec',
    'type: MeshRetry\nname: x\nspec: []',
    '3:1 error MeshRetry/x spec: must be a map, got a list',
  ],
  [
    'a number for a label',
    'type: MeshTLS\nname: x\nlabels: {version: 1}\nspec: {rules: [{default: {mode: Strict}}]}',
    '3:19 error MeshTLS/x labels.version: must be a string, got 1; put it in quotes: "1"',
  ],
  [
    'a name taken in another file',
    'type: Dataplane\nname: zz\nnetworking: {address: 10.0.0.9}\n---\ntype: Dataplane\nname: zz\nnetworking: {address: 10.0.0.8}',
    '6:7 error Dataplane/zz name: is already defined in bad.yaml:2',
  ],
  // targets
  [
    'settings beside default',
    spec('MeshRetry', '{to: [{targetRef: {kind: Mesh}, http: {numRetries: 1}}]}'),
    '3:39 error MeshRetry/x spec.to[0].http: unknown field; it belongs in default',
  ],
  [
    'a map where entries belong',
    spec('MeshRetry', '{to: {targetRef: {kind: Mesh}}}'),
    '3:8 error MeshRetry/x spec.to: must be a list, got a map',
  ],
  [
    'an entry for nobody',
    spec('MeshRetry', '{to: [{default: {http: {numRetries: 1}}}]}'),
    '3:13 error MeshRetry/x spec.to[0].targetRef: is required',
  ],
  [
    'from in a policy of callers',
    spec('MeshRetry', '{from: [{targetRef: {kind: Mesh}, default: {http: {numRetries: 1}}}]}'),
    '3:8 error MeshRetry/x spec.from: unknown field; known here: targetRef, to',
  ],
  [
    'a mistyped kind of target',
    spec(
      'MeshRetry',
      '{targetRef: {kind: DataPlane}, to: [{targetRef: {kind: Mesh}, default: {http: {numRetries: 1}}}]}',
    ),
    '3:26 error MeshRetry/x spec.targetRef.kind: must be one of Mesh, Dataplane, MeshSubset, MeshGateway, MeshService, MeshExternalService, MeshMultiZoneService, MeshServiceSubset, MeshHTTPRoute, got "DataPlane"; did you mean "Dataplane"?',
  ],
  [
    'a word for a target',
    spec(
      'MeshRetry',
      '{targetRef: Mesh, to: [{targetRef: {kind: Mesh}, default: {http: {numRetries: 1}}}]}',
    ),
    '3:19 error MeshRetry/x spec.targetRef: must be a map, got "Mesh"',
  ],
  [
    'a service without a name',
    spec('MeshRetry', '{to: [{targetRef: {kind: MeshService}, default: {http: {numRetries: 1}}}]}'),
    '3:14 error MeshRetry/x spec.to[0].targetRef: needs a name with kind MeshService',
  ],
  [
    'a name and labels',
    spec(
      'MeshRetry',
      '{to: [{targetRef: {kind: MeshService, name: backend, labels: {a: b}}, default: {http: {numRetries: 1}}}]}',
    ),
    '3:14 error MeshRetry/x spec.to[0].targetRef: may have a name or labels, not both',
  ],
  [
    'from beside rules',
    spec(
      'MeshTimeout',
      '{from: [{targetRef: {kind: Mesh}, default: {idleTimeout: 1s}}], rules: [{default: {idleTimeout: 2s}}]}',
    ),
    '3:8 error MeshTimeout/x spec.from: cannot stand beside rules',
  ],
  [
    'a route for the whole mesh',
    spec('MeshHTTPRoute', '{to: [{targetRef: {kind: Mesh}, rules: []}]}'),
    '3:32 error MeshHTTPRoute/x spec.to[0].targetRef.kind: must be one of MeshService, MeshExternalService, MeshMultiZoneService',
  ],
  [
    'a subset without tags',
    spec('MeshTimeout', '{targetRef: {kind: MeshSubset}, rules: [{default: {idleTimeout: 1s}}]}'),
    '3:8 error MeshTimeout/x spec.targetRef: needs tags with kind MeshSubset',
  ],
  [
    'matches where there are none',
    spec(
      'MeshTLS',
      '{rules: [{matches: [{sni: {type: Exact, value: a}}], default: {mode: Strict}}]}',
    ),
    '3:17 error MeshTLS/x spec.rules[0].matches: has no place in MeshTLS',
  ],
  [
    'a match of nobody',
    spec('MeshTimeout', '{rules: [{matches: [{}], default: {idleTimeout: 1s}}]}'),
    '3:27 error MeshTimeout/x spec.rules[0].matches[0]: needs spiffeID or sni',
  ],
  // time-outs and retries
  [
    'a mistyped field',
    spec('MeshTimeout', '{to: [{targetRef: {kind: Mesh}, default: {conectionTimeout: 5s}}]}'),
    '3:49 error MeshTimeout/x spec.to[0].default.conectionTimeout: unknown field; did you mean "connectionTimeout"?',
  ],
  [
    'a number as a duration',
    spec('MeshTimeout', '{to: [{targetRef: {kind: Mesh}, default: {idleTimeout: 5}}]}'),
    '3:62 error MeshTimeout/x spec.to[0].default.idleTimeout: must be a duration such as 1h30m, 250ms or 0s, got 5',
  ],
  [
    'a duration in days',
    spec('MeshTimeout', '{to: [{targetRef: {kind: Mesh}, default: {idleTimeout: 1d}}]}'),
    '3:62 error MeshTimeout/x spec.to[0].default.idleTimeout: must be a duration such as 1h30m, 250ms or 0s, got "1d"',
  ],
  [
    'a negative duration',
    spec('MeshTimeout', '{to: [{targetRef: {kind: Mesh}, default: {idleTimeout: -5s}}]}'),
    '3:62 error MeshTimeout/x spec.to[0].default.idleTimeout: must be a duration such as 1h30m, 250ms or 0s, got "-5s"',
  ],
  [
    'no time to connect',
    spec('MeshTimeout', '{rules: [{default: {connectionTimeout: 0s}}]}'),
    '3:46 error MeshTimeout/x spec.rules[0].default.connectionTimeout: must be a duration longer than 0s, such as 1h30m or 250ms, got "0s"',
  ],
  [
    'a mistyped condition',
    spec(
      'MeshRetry',
      '{to: [{targetRef: {kind: Mesh}, default: {http: {retryOn: [GatewayErrors]}}}]}',
    ),
    '3:66 error MeshRetry/x spec.to[0].default.http.retryOn[0]: must be a status in quotes or one of 5xx, 5XX, GatewayError, Reset, Retriable4xx, ConnectFailure, EnvoyRatelimited, RefusedStream, Http3PostConnectFailure, HttpMethodConnect, HttpMethodDelete, HttpMethodGet, HttpMethodHead, HttpMethodOptions, HttpMethodPatch, HttpMethodPost, HttpMethodPut, HttpMethodTrace, got "GatewayErrors"; did you mean "GatewayError"?',
  ],
  [
    'a negative number of tries',
    spec('MeshRetry', '{to: [{targetRef: {kind: Mesh}, default: {http: {numRetries: -1}}}]}'),
    '3:68 error MeshRetry/x spec.to[0].default.http.numRetries: must be 0 to 4294967295, got -1',
  ],
  [
    'a header match of an unknown type',
    spec(
      'MeshRetry',
      '{to: [{targetRef: {kind: Mesh}, default: {http: {retriableRequestHeaders: [{name: a, type: Regex, value: b}]}}}]}',
    ),
    '3:98 error MeshRetry/x spec.to[0].default.http.retriableRequestHeaders[0].type: must be one of Exact, Present, RegularExpression, Absent, Prefix, got "Regex"',
  ],
  [
    'a header match without a value',
    spec(
      'MeshRetry',
      '{to: [{targetRef: {kind: Mesh}, default: {http: {retriableRequestHeaders: [{name: a}]}}}]}',
    ),
    '3:82 error MeshRetry/x spec.to[0].default.http.retriableRequestHeaders[0].value: is required',
  ],
  [
    'a pause that shrinks',
    spec(
      'MeshRetry',
      '{to: [{targetRef: {kind: Mesh}, default: {http: {backOff: {baseInterval: 1s, maxInterval: 10ms}}}}]}',
    ),
    '3:97 error MeshRetry/x spec.to[0].default.http.backOff.maxInterval: must be at least baseInterval (1s)',
  ],
  [
    'a pause of nothing',
    spec(
      'MeshRetry',
      '{to: [{targetRef: {kind: Mesh}, default: {grpc: {backOff: {baseInterval: 0s}}}}]}',
    ),
    '3:80 error MeshRetry/x spec.to[0].default.grpc.backOff.baseInterval: must be a duration longer than 0s, such as 1h30m or 250ms, got "0s"',
  ],
  [
    'a pause without headers to ask',
    spec(
      'MeshRetry',
      '{to: [{targetRef: {kind: Mesh}, default: {http: {rateLimitedBackOff: {maxInterval: 1s}}}}]}',
    ),
    '3:56 error MeshRetry/x spec.to[0].default.http.rateLimitedBackOff.resetHeaders: is required',
  ],
  [
    'tags to avoid that are not given',
    spec(
      'MeshRetry',
      '{to: [{targetRef: {kind: Mesh}, default: {http: {hostSelection: [{predicate: OmitHostsWithTags}]}}}]}',
    ),
    '3:84 error MeshRetry/x spec.to[0].default.http.hostSelection[0].predicate: needs the field "tags" beside it',
  ],
  // breakers, checks, balancers
  [
    'more than all endpoints',
    spec(
      'MeshCircuitBreaker',
      '{to: [{targetRef: {kind: Mesh}, default: {outlierDetection: {maxEjectionPercent: 200, detectors: {totalFailures: {}}}}}]}',
    ),
    '3:88 error MeshCircuitBreaker/x spec.to[0].default.outlierDetection.maxEjectionPercent: must be a percentage, 0 to 100, got 200',
  ],
  [
    'a detector that sees everything',
    spec(
      'MeshCircuitBreaker',
      '{to: [{targetRef: {kind: Mesh}, default: {outlierDetection: {detectors: {totalFailures: {consecutive: 0}}}}}]}',
    ),
    '3:109 error MeshCircuitBreaker/x spec.to[0].default.outlierDetection.detectors.totalFailures.consecutive: must be at least 1, got 0',
  ],
  [
    'no connection at all',
    spec(
      'MeshCircuitBreaker',
      '{to: [{targetRef: {kind: Mesh}, default: {connectionLimits: {maxConnections: 0}}}]}',
    ),
    '3:84 error MeshCircuitBreaker/x spec.to[0].default.connectionLimits.maxConnections: must be at least 1, got 0',
  ],
  [
    'a probe that never ends',
    spec('MeshHealthCheck', '{to: [{targetRef: {kind: Mesh}, default: {timeout: 0s, tcp: {}}}]}'),
    '3:58 error MeshHealthCheck/x spec.to[0].default.timeout: must be a duration longer than 0s, such as 1h30m or 250ms, got "0s"',
  ],
  [
    'bytes that are not base64',
    spec('MeshHealthCheck', '{to: [{targetRef: {kind: Mesh}, default: {tcp: {send: "!!!"}}}]}'),
    '3:61 error MeshHealthCheck/x spec.to[0].default.tcp.send: must be base64 with its padding, got "!!!"',
  ],
  [
    'a path without a slash',
    spec('MeshHealthCheck', '{to: [{targetRef: {kind: Mesh}, default: {http: {path: healthz}}}]}'),
    '3:62 error MeshHealthCheck/x spec.to[0].default.http.path: must begin with / and hold visible ASCII only, got "healthz"',
  ],
  [
    'a status that is none',
    spec(
      'MeshHealthCheck',
      '{to: [{targetRef: {kind: Mesh}, default: {http: {expectedStatuses: [999]}}}]}',
    ),
    '3:75 error MeshHealthCheck/x spec.to[0].default.http.expectedStatuses[0]: must be an HTTP status, 100 to 599, got 999',
  ],
  [
    'a header with a line break',
    spec(
      'MeshHealthCheck',
      '{to: [{targetRef: {kind: Mesh}, default: {http: {requestHeadersToAdd: {set: [{name: a, value: "b\\r\\nc: d"}]}}}}]}',
    ),
    '3:101 error MeshHealthCheck/x spec.to[0].default.http.requestHeadersToAdd.set[0].value: must not hold line breaks, other control characters or text beyond latin1, got "b\\r\\nc: d"',
  ],
  [
    'a header of the proxy',
    spec(
      'MeshHealthCheck',
      '{to: [{targetRef: {kind: Mesh}, default: {http: {requestHeadersToAdd: {add: [{name: Transfer-Encoding, value: chunked}]}}}}]}',
    ),
    '3:91 error MeshHealthCheck/x spec.to[0].default.http.requestHeadersToAdd.add[0].name: transfer-encoding frames the message or belongs to one hop; the proxy writes it',
  ],
  [
    'a ring smaller than its smallest',
    spec(
      'MeshLoadBalancingStrategy',
      '{to: [{targetRef: {kind: Mesh}, default: {loadBalancer: {type: RingHash, ringHash: {maxRingSize: 10}}}}]}',
    ),
    '3:104 error MeshLoadBalancingStrategy/x spec.to[0].default.loadBalancer.ringHash.maxRingSize: must be at least minRingSize (1024)',
  ],
  [
    'a table that is no prime',
    spec(
      'MeshLoadBalancingStrategy',
      '{to: [{targetRef: {kind: Mesh}, default: {loadBalancer: {type: Maglev, maglev: {tableSize: 10}}}}]}',
    ),
    '3:98 error MeshLoadBalancingStrategy/x spec.to[0].default.loadBalancer.maglev.tableSize: must be a prime',
  ],
  [
    'a choice of one',
    spec(
      'MeshLoadBalancingStrategy',
      '{to: [{targetRef: {kind: Mesh}, default: {loadBalancer: {type: LeastRequest, leastRequest: {choiceCount: 1}}}}]}',
    ),
    '3:112 error MeshLoadBalancingStrategy/x spec.to[0].default.loadBalancer.leastRequest.choiceCount: must be 2 to 1000, got 1',
  ],
  [
    'a hash of nothing',
    spec(
      'MeshLoadBalancingStrategy',
      '{to: [{targetRef: {kind: Mesh}, default: {hashPolicies: [{type: Header}]}}]}',
    ),
    '3:71 error MeshLoadBalancingStrategy/x spec.to[0].default.hashPolicies[0].type: needs the field "header" beside it',
  ],
  [
    'zones that are missing',
    spec(
      'MeshLoadBalancingStrategy',
      '{to: [{targetRef: {kind: Mesh}, default: {localityAwareness: {crossZone: {failover: [{to: {type: Only}}]}}}}]}',
    ),
    '3:104 error MeshLoadBalancingStrategy/x spec.to[0].default.localityAwareness.crossZone.failover[0].to.type: needs the field "zones" beside it',
  ],
  [
    'zones where all are meant',
    spec(
      'MeshLoadBalancingStrategy',
      '{to: [{targetRef: {kind: Mesh}, default: {localityAwareness: {crossZone: {failover: [{to: {type: Any, zones: [a]}}]}}}}]}',
    ),
    '3:109 error MeshLoadBalancingStrategy/x spec.to[0].default.localityAwareness.crossZone.failover[0].to.zones: has no place beside type Any',
  ],
  [
    'half of the weights',
    spec(
      'MeshLoadBalancingStrategy',
      '{to: [{targetRef: {kind: Mesh}, default: {localityAwareness: {localZone: {affinityTags: [{key: a, weight: 1}, {key: b}]}}}}]}',
    ),
    '3:81 error MeshLoadBalancingStrategy/x spec.to[0].default.localityAwareness.localZone.affinityTags: must give all tags a weight, or none',
  ],
  [
    'a balancer for a route',
    spec(
      'MeshLoadBalancingStrategy',
      '{to: [{targetRef: {kind: MeshHTTPRoute, name: r}, default: {loadBalancer: {type: Random}}}]}',
    ),
    '3:67 error MeshLoadBalancingStrategy/x spec.to[0].default.loadBalancer: has no place with kind MeshHTTPRoute; hashPolicies has',
  ],
  // limits, faults, permissions
  [
    'no request at all',
    spec(
      'MeshRateLimit',
      '{rules: [{default: {local: {http: {requestRate: {num: 0, interval: 1s}}}}}]}',
    ),
    '3:61 error MeshRateLimit/x spec.rules[0].default.local.http.requestRate.num: must be at least 1, got 0',
  ],
  [
    'a rate of half',
    spec('MeshRateLimit', '{rules: [{default: {local: {http: {requestRate: {num: 1}}}}}]}'),
    '3:42 error MeshRateLimit/x spec.rules[0].default.local.http.requestRate.interval: is required',
  ],
  [
    'an interval too short to count',
    spec(
      'MeshRateLimit',
      '{rules: [{default: {local: {tcp: {connectionRate: {num: 1, interval: 10ms}}}}}]}',
    ),
    '3:76 error MeshRateLimit/x spec.rules[0].default.local.tcp.connectionRate.interval: must be at least 50ms',
  ],
  [
    'a refusal that is none',
    spec(
      'MeshRateLimit',
      '{rules: [{default: {local: {http: {requestRate: {num: 1, interval: 1s}, onRateLimit: {status: 200}}}}}]}',
    ),
    '3:101 error MeshRateLimit/x spec.rules[0].default.local.http.onRateLimit.status: must be an HTTP status, 400 to 599, got 200',
  ],
  [
    'more than all requests',
    spec(
      'MeshFaultInjection',
      '{rules: [{default: {http: [{abort: {httpStatus: 500, percentage: 101}}]}}]}',
    ),
    '3:72 error MeshFaultInjection/x spec.rules[0].default.http[0].abort.percentage: must be a percentage: a whole number from 0 to 100, or a decimal in quotes such as "50.5", got 101',
  ],
  [
    'a decimal without quotes',
    spec(
      'MeshFaultInjection',
      '{rules: [{default: {http: [{abort: {httpStatus: 500, percentage: 50.5}}]}}]}',
    ),
    '3:72 error MeshFaultInjection/x spec.rules[0].default.http[0].abort.percentage: must be a percentage: a whole number from 0 to 100, or a decimal in quotes such as "50.5", got 50.5',
  ],
  [
    'a bandwidth without a unit',
    spec(
      'MeshFaultInjection',
      '{rules: [{default: {http: [{responseBandwidth: {limit: "50", percentage: 50}}]}}]}',
    ),
    '3:62 error MeshFaultInjection/x spec.rules[0].default.http[0].responseBandwidth.limit: must be a rate such as 512 kbps, 1.5 Mbps or 1 Gbps, got "50"',
  ],
  [
    'an action among rules',
    spec('MeshTrafficPermission', '{rules: [{default: {action: Allow}}]}'),
    '3:27 error MeshTrafficPermission/x spec.rules[0].default.action: belongs in from; rules have deny, allowWithShadowDeny and allow',
  ],
  [
    'an entry without an action',
    spec('MeshTrafficPermission', '{from: [{targetRef: {kind: Mesh}}]}'),
    '3:15 error MeshTrafficPermission/x spec.from[0].default.action: is required',
  ],
  [
    'a caller that is no SPIFFE ID',
    spec(
      'MeshTrafficPermission',
      '{rules: [{default: {allow: [{spiffeID: {type: Exact, value: frontend}}]}}]}',
    ),
    '3:67 error MeshTrafficPermission/x spec.rules[0].default.allow[0].spiffeID.value: must begin with spiffe://, got "frontend"',
  ],
  [
    'an action in capitals',
    spec('MeshTrafficPermission', '{from: [{targetRef: {kind: Mesh}, default: {action: ALLOW}}]}'),
    '3:59 error MeshTrafficPermission/x spec.from[0].default.action: must be one of Allow, Deny, AllowWithShadowDeny, got "ALLOW"; did you mean "Allow"?',
  ],
  [
    'an unknown cipher',
    spec('MeshTLS', '{rules: [{default: {tlsCiphers: [ECDHE-RSA-AES128-GCM-SHA255]}}]}'),
    '3:40 error MeshTLS/x spec.rules[0].default.tlsCiphers[0]: must be one of ECDHE-ECDSA-AES128-GCM-SHA256, ECDHE-ECDSA-AES256-GCM-SHA384, ECDHE-ECDSA-CHACHA20-POLY1305, ECDHE-RSA-AES128-GCM-SHA256, ECDHE-RSA-AES256-GCM-SHA384, ECDHE-RSA-CHACHA20-POLY1305, got "ECDHE-RSA-AES128-GCM-SHA255"; did you mean "ECDHE-RSA-AES128-GCM-SHA256"?',
  ],
  [
    'a minimum above the maximum',
    spec('MeshTLS', '{rules: [{default: {tlsVersion: {min: TLS13, max: TLS12}}}]}'),
    '3:45 error MeshTLS/x spec.rules[0].default.tlsVersion.min: must not be above max (TLS12)',
  ],
  // routes
  [
    'a rule without matches',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{default: {}}]}]}',
    ),
    '3:69 error MeshHTTPRoute/x spec.to[0].rules[0].matches: is required',
  ],
  [
    'an unknown type of path',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [{path: {type: Prefix, value: /a}}]}]}]}',
    ),
    '3:94 error MeshHTTPRoute/x spec.to[0].rules[0].matches[0].path.type: must be one of Exact, PathPrefix, RegularExpression, got "Prefix"',
  ],
  [
    'a method in small letters',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [{method: get}]}]}]}',
    ),
    '3:89 error MeshHTTPRoute/x spec.to[0].rules[0].matches[0].method: must be one of CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE, got "get"; did you mean "GET"?',
  ],
  [
    'an expression that is none',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [{path: {type: RegularExpression, value: (/a}}]}]}]}',
    ),
    '3:120 error MeshHTTPRoute/x spec.to[0].rules[0].matches[0].path.value: is not a regular expression: Unterminated group',
  ],
  [
    'an expression that looks ahead',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [{headers: [{name: a, type: RegularExpression, value: "(?=b)c"}]}]}]}]}',
    ),
    '3:133 error MeshHTTPRoute/x spec.to[0].rules[0].matches[0].headers[0].value: looks ahead or refers back, which cannot be matched in linear time',
  ],
  [
    'a backend without a name',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [], default: {backendRefs: [{kind: MeshService}]}}]}]}',
    ),
    '3:107 error MeshHTTPRoute/x spec.to[0].rules[0].default.backendRefs[0]: needs a name or labels, one of them',
  ],
  [
    'a backend of a whole mesh',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [], default: {backendRefs: [{kind: Mesh}]}}]}]}',
    ),
    '3:114 error MeshHTTPRoute/x spec.to[0].rules[0].default.backendRefs[0].kind: must be one of MeshService, MeshServiceSubset, MeshExternalService, MeshMultiZoneService, got "Mesh"',
  ],
  [
    'backends without weight',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [], default: {backendRefs: [{kind: MeshService, name: backend, weight: 0}]}}]}]}',
    ),
    '3:93 error MeshHTTPRoute/x spec.to[0].rules[0].default.backendRefs: must give one of them a weight above 0',
  ],
  [
    'a filter without its section',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [], default: {filters: [{type: URLRewrite}]}}]}]}',
    ),
    '3:110 error MeshHTTPRoute/x spec.to[0].rules[0].default.filters[0].type: needs the field "urlRewrite" beside it',
  ],
  [
    'a new prefix where none matched',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [{path: {type: Exact, value: /a}}], default: {filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}}}]}}]}]}',
    ),
    '3:180 error MeshHTTPRoute/x spec.to[0].rules[0].default.filters[0].urlRewrite.path.type: can only stand where every match has a PathPrefix',
  ],
  [
    'a redirect that is none',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [], default: {filters: [{type: RequestRedirect, requestRedirect: {statusCode: 200}}]}}]}]}',
    ),
    '3:157 error MeshHTTPRoute/x spec.to[0].rules[0].default.filters[0].requestRedirect.statusCode: must be one of 301, 302, 303, 307, 308, got 200',
  ],
  [
    'a header that is no word',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [], default: {filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x y, value: a}]}}]}}]}]}',
    ),
    '3:170 error MeshHTTPRoute/x spec.to[0].rules[0].default.filters[0].requestHeaderModifier.set[0].name: must be a header name, got "x y"',
  ],
  [
    'the length of a message',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [], default: {filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [Content-Length]}}]}}]}]}',
    ),
    '3:166 error MeshHTTPRoute/x spec.to[0].rules[0].default.filters[0].requestHeaderModifier.remove[0]: content-length frames the message or belongs to one hop; the proxy writes it',
  ],
  [
    'two rules for bytes',
    spec(
      'MeshTCPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{default: {}}, {default: {}}]}]}',
    ),
    '3:61 error MeshTCPRoute/x spec.to[0].rules: may hold one rule',
  ],
  [
    'matches for bytes',
    spec(
      'MeshTCPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [], default: {}}]}]}',
    ),
    '3:70 error MeshTCPRoute/x spec.to[0].rules[0].matches: unknown field; known here: default',
  ],
  // logs, traces, metrics
  [
    'an unknown operator',
    spec(
      'MeshAccessLog',
      '{to: [{targetRef: {kind: Mesh}, default: {backends: [{type: File, file: {path: /tmp/x, format: {type: Plain, plain: "%RESPONSE_CODES%"}}}]}}]}',
    ),
    '3:123 error MeshAccessLog/x spec.to[0].default.backends[0].file.format.plain: unknown operator %RESPONSE_CODES%',
  ],
  [
    'an address without a port',
    spec(
      'MeshAccessLog',
      '{to: [{targetRef: {kind: Mesh}, default: {backends: [{type: Tcp, tcp: {address: localhost}}]}}]}',
    ),
    '3:87 error MeshAccessLog/x spec.to[0].default.backends[0].tcp.address: must be "host:port", got "localhost"',
  ],
  [
    'a path that depends on where we are',
    spec(
      'MeshAccessLog',
      '{to: [{targetRef: {kind: Mesh}, default: {backends: [{type: File, file: {path: x.log}}]}}]}',
    ),
    '3:86 error MeshAccessLog/x spec.to[0].default.backends[0].file.path: must be an absolute path, got "x.log"',
  ],
  [
    'a format without fields',
    spec(
      'MeshAccessLog',
      '{to: [{targetRef: {kind: Mesh}, default: {backends: [{type: File, file: {path: /tmp/x, format: {type: Json}}}]}}]}',
    ),
    '3:109 error MeshAccessLog/x spec.to[0].default.backends[0].file.format.type: needs the field "json" beside it',
  ],
  [
    'two places for spans',
    spec(
      'MeshTrace',
      '{default: {backends: [{type: Zipkin, zipkin: {url: "http://a"}}, {type: Zipkin, zipkin: {url: "http://b"}}]}}',
    ),
    '3:18 error MeshTrace/x spec.default.backends: may hold one backend',
  ],
  [
    'a URL of a file server',
    spec('MeshTrace', '{default: {backends: [{type: Zipkin, zipkin: {url: "ftp://a"}}]}}'),
    '3:58 error MeshTrace/x spec.default.backends[0].zipkin.url: must be an http or https URL, got "ftp://a"',
  ],
  [
    'a tag of two values',
    spec('MeshTrace', '{default: {tags: [{name: a, literal: b, header: {name: c}}]}}'),
    '3:25 error MeshTrace/x spec.default.tags[0]: may have literal or header, not both',
  ],
  [
    'an expression for metrics that is none',
    spec('MeshMetric', '{default: {sidecar: {profiles: {include: [{type: Regex, match: "("}]}}}}'),
    '3:70 error MeshMetric/x spec.default.sidecar.profiles.include[0].match: is not a regular expression: Unterminated group',
  ],
  [
    'an application without a port',
    spec('MeshMetric', '{default: {applications: [{name: a}]}}'),
    '3:33 error MeshMetric/x spec.default.applications[0].port: is required',
  ],
  // proxies and destinations
  [
    'every address',
    networking('{address: 0.0.0.0}'),
    '3:23 error Dataplane/x networking.address: must be a single address; peers dial this address',
  ],
  [
    'no address',
    networking('{inbound: [{port: 80, servicePort: 81}]}'),
    '3:1 error Dataplane/x networking.address: is required',
  ],
  [
    'an address that is none',
    networking('{address: 10.0.0 .9}'),
    '3:23 error Dataplane/x networking.address: must be an IP address or a host name, got "10.0.0 .9"',
  ],
  [
    'a port in quotes',
    networking('{address: 10.0.0.9, inbound: [{port: "80", servicePort: 81}]}'),
    '3:50 error Dataplane/x networking.inbound[0].port: must be a number, got "80"; write it without quotes',
  ],
  [
    'a port out of range',
    networking('{address: 10.0.0.9, inbound: [{port: 70000}]}'),
    '3:50 error Dataplane/x networking.inbound[0].port: must be a port, 1 to 65535, got 70000',
  ],
  [
    'an inbound that calls itself',
    networking('{address: 10.0.0.9, inbound: [{port: 80}]}'),
    '3:50 error Dataplane/x networking.inbound[0].port: would forward to itself; give servicePort or serviceAddress of the application',
  ],
  [
    'a port taken twice',
    networking(
      '{address: 10.0.0.9, inbound: [{port: 80, servicePort: 81}, {port: 80, servicePort: 82}]}',
    ),
    '3:79 error Dataplane/x networking.inbound[1].port: 10.0.0.9:80 is already taken by inbound[0]',
  ],
  [
    'a name taken twice',
    networking(
      '{address: 10.0.0.9, inbound: [{port: 80, servicePort: 81, name: a}, {port: 82, servicePort: 83, name: a}]}',
    ),
    '3:115 error Dataplane/x networking.inbound[1].name: is already the name of inbound[0]',
  ],
  [
    'a service with a space',
    networking(
      '{address: 10.0.0.9, inbound: [{port: 80, servicePort: 81, tags: {kuma.io/service: my web}}]}',
    ),
    '3:95 error Dataplane/x networking.inbound[0].tags["kuma.io/service"]: must be letters, digits and any of ._:/-, got "my web"',
  ],
  [
    'an outbound to nothing',
    networking('{address: 10.0.0.9, outbound: [{port: 80}]}'),
    '3:44 error Dataplane/x networking.outbound[0]: needs backendRef or tags, one of them',
  ],
  [
    'an outbound without its service',
    networking('{address: 10.0.0.9, outbound: [{port: 80, tags: {a: b}}]}'),
    '3:55 error Dataplane/x networking.outbound[0].tags: needs the tag kuma.io/service',
  ],
  [
    'an outbound on a host name',
    networking(
      '{address: 10.0.0.9, outbound: [{address: localhost, port: 80, tags: {kuma.io/service: backend}}]}',
    ),
    '3:54 error Dataplane/x networking.outbound[0].address: must be an IP address: it is listened on',
  ],
  [
    'a gateway that serves',
    networking('{address: 10.0.0.9, gateway: {}, inbound: [{port: 80, servicePort: 81}]}'),
    '3:46 error Dataplane/x networking.inbound: cannot stand beside gateway',
  ],
  [
    'a gateway of our own',
    networking('{address: 10.0.0.9, gateway: {type: BUILTIN}}'),
    '3:49 error Dataplane/x networking.gateway.type: BUILTIN is not supported; use DELEGATED, with a gateway of your choice in front',
  ],
  [
    'admin pages on a taken port',
    networking('{address: 10.0.0.9, admin: {port: 80}, inbound: [{port: 80, servicePort: 81}]}'),
    '3:47 error Dataplane/x networking.admin.port: is already taken by inbound[0]',
  ],
  [
    'an endpoint without a port',
    spec('MeshExternalService', '{match: {port: 80}, endpoints: [{address: example.com}]}'),
    '3:39 error MeshExternalService/x spec.endpoints[0].port: is required',
  ],
  [
    'an endpoint that is a URL',
    spec(
      'MeshExternalService',
      '{match: {port: 80}, endpoints: [{address: "http://example.com", port: 80}]}',
    ),
    '3:49 error MeshExternalService/x spec.endpoints[0].address: must be an IP address, a host name, or unix:// and a path',
  ],
  [
    'a socket with a port',
    spec(
      'MeshExternalService',
      '{match: {port: 80}, endpoints: [{address: "unix:///run/a.sock", port: 80}]}',
    ),
    '3:71 error MeshExternalService/x spec.endpoints[0].port: has no place beside a socket',
  ],
  [
    'a certificate without its key',
    spec(
      'MeshExternalService',
      '{match: {port: 80}, endpoints: [{address: 10.0.0.9, port: 80}], tls: {enabled: true, verification: {clientCert: {inlineString: a}}}}',
    ),
    '3:107 error MeshExternalService/x spec.tls.verification.clientCert: needs the field "clientKey" beside it',
  ],
  [
    'an unknown way to verify',
    spec('MeshExternalService', '{match: {port: 80}, tls: {verification: {mode: SkipSan}}}'),
    '3:54 error MeshExternalService/x spec.tls.verification.mode: must be one of Secured, SkipSAN, SkipCA, SkipAll, got "SkipSan"; did you mean "SkipSAN"?',
  ],
  [
    'a port that is a name',
    spec('MeshService', '{ports: [{port: http}]}'),
    '3:23 error MeshService/x spec.ports[0].port: must be a number, got "http"',
  ],
  [
    'a backend of mutual TLS that is not there',
    'type: Mesh\nname: other\nmtls: {enabledBackend: ca-1, backends: [{name: ca-2, type: builtin}]}',
    '3:24 error Mesh/other mtls.enabledBackend: must name one of mtls.backends (ca-2)',
  ],
  [
    'a trust of no domain',
    spec('MeshTrust', '{caBundles: [{type: Pem, pem: {value: a}}]}'),
    '3:1 error MeshTrust/x spec.trustDomain: is required',
  ],
  [
    'an unknown provider',
    spec('MeshIdentity', '{provider: {type: Spiffe}}'),
    '3:25 error MeshIdentity/x spec.provider.type: must be one of Bundled, Spire, Extension, got "Spiffe"; did you mean "Spire"?',
  ],
  [
    'settings one step too high',
    spec('MeshRetry', '{to: [{targetRef: {kind: Mesh}, default: {numRetries: 1}}]}'),
    '3:49 error MeshRetry/x spec.to[0].default.numRetries: unknown field; it belongs in http or grpc',
  ],
  [
    'a name of TLS that nobody knows',
    spec(
      'MeshExternalService',
      '{match: {port: 80}, endpoints: [{address: "unix:///run/a.sock"}], tls: {enabled: true}}',
    ),
    '3:73 error MeshExternalService/x spec.tls: needs verification.serverName or subjectAltNames; no endpoint has a name to compare the certificate with',
  ],
  [
    'a template that knows no such word',
    spec('HostnameGenerator', '{selector: {meshService: {}}, template: "{{ .Service }}.local"}'),
    '3:47 error HostnameGenerator/x spec.template: must not have {{ .Service }}: known are .Name, .DisplayName, .Namespace, .Zone, .Mesh and label "key"',
  ],
  [
    'a template that is cut off',
    spec('HostnameGenerator', '{selector: {meshService: {}}, template: "{{ .Name }.local"}'),
    '3:47 error HostnameGenerator/x spec.template: must have whole placeholders, as {{ .Name }} or {{ label "key" }}',
  ],
  [
    'a template of no host name',
    spec('HostnameGenerator', '{selector: {meshService: {}}, template: "My_{{ .Name }}"}'),
    '3:47 error HostnameGenerator/x spec.template: must make a host name: lower-case letters, digits, "-" and "."',
  ],
  [
    'a generator for nothing',
    spec('HostnameGenerator', '{template: "{{ .Name }}.local"}'),
    '3:1 error HostnameGenerator/x spec: needs the field "selector"',
  ],
  [
    'an identity of no such word',
    spec('MeshIdentity', '{spiffeID: {path: "/{{ .Pod }}"}}'),
    '3:25 error MeshIdentity/x spec.spiffeID.path: must not have {{ .Pod }}: known are .Mesh, .Zone, .Workload, .Name and label "key"',
  ],
  [
    'a certificate that is none',
    spec(
      'MeshExternalService',
      '{match: {port: 80}, endpoints: [{address: 10.0.0.9, port: 80}], tls: {enabled: true, verification: {caCert: {inlineString: CA}}}}',
    ),
    '3:107 error MeshExternalService/x spec.tls.verification.caCert: has no certificate in PEM',
  ],
  [
    'a certificate that nobody has',
    spec(
      'MeshExternalService',
      '{match: {port: 80}, endpoints: [{address: 10.0.0.9, port: 80}], tls: {enabled: true, verification: {caCert: {secret: ca}}}}',
    ),
    '3:107 error MeshExternalService/x spec.tls.verification.caCert: no Secret ca is known; give a resource of type Secret',
  ],
  [
    'a Secret that is mistyped',
    `type: Secret\nname: ca\ndata: Y2E=\n---\n${spec(
      'MeshExternalService',
      '{match: {port: 80}, endpoints: [{address: 10.0.0.9, port: 80}], tls: {enabled: true, verification: {caCert: {type: Secret, secretRef: {kind: Secret, name: cas}}}}}',
    )}`,
    '7:107 error MeshExternalService/x spec.tls.verification.caCert: no Secret cas is known; did you mean "ca"?',
  ],
  [
    'a file that is not there',
    spec(
      'MeshExternalService',
      '{match: {port: 80}, endpoints: [{address: 10.0.0.9, port: 80}], tls: {enabled: true, verification: {caCert: {type: File, file: {path: /nowhere/ca.pem}}}}}',
    ),
    '3:107 error MeshExternalService/x spec.tls.verification.caCert: the file /nowhere/ca.pem cannot be read; ENOENT',
  ],
  [
    'a variable that is not set',
    spec(
      'MeshExternalService',
      '{match: {port: 80}, endpoints: [{address: 10.0.0.9, port: 80}], tls: {enabled: true, verification: {caCert: {type: EnvVar, envVar: {name: NOBODY}}}}}',
    ),
    '3:107 error MeshExternalService/x spec.tls.verification.caCert: the environment has no NOBODY; the environment is that in which Outrider is started',
  ],
  [
    'a certificate without a word where it is',
    spec(
      'MeshExternalService',
      '{match: {port: 80}, endpoints: [{address: 10.0.0.9, port: 80}], tls: {enabled: true, verification: {caCert: {type: File}}}}',
    ),
    '3:107 error MeshExternalService/x spec.tls.verification.caCert: says nothing; give it as inline, file, secret or envVar',
  ],
  [
    'a Secret that is no base64',
    'type: Secret\nname: x\ndata: "-----BEGIN PRIVATE KEY"',
    '3:7 error Secret/x data: must be base64 with its padding',
  ],
  // patches
  [
    'two changes in one',
    spec(
      'MeshProxyPatch',
      '{default: {appendModifications: [{cluster: {operation: Remove}, listener: {operation: Remove}}]}}',
    ),
    '3:40 error MeshProxyPatch/x spec.default.appendModifications[0]: needs one of cluster, listener, networkFilter, httpFilter, virtualHost',
  ],
  [
    'a change of nothing',
    spec('MeshProxyPatch', '{default: {appendModifications: [{cluster: {operation: Patch}}]}}'),
    '3:41 error MeshProxyPatch/x spec.default.appendModifications[0].cluster: needs value or jsonPatches, one of them',
  ],
  [
    'an unknown operation',
    spec(
      'MeshProxyPatch',
      '{default: {appendModifications: [{cluster: {operation: Replace, value: "a: b"}}]}}',
    ),
    '3:62 error MeshProxyPatch/x spec.default.appendModifications[0].cluster.operation: must be one of Add, Remove, Patch, got "Replace"',
  ],
  [
    'a part of a message that is no map',
    spec(
      'MeshProxyPatch',
      '{default: {appendModifications: [{cluster: {operation: Patch, value: connectTimeout}}]}}',
    ),
    '3:76 error MeshProxyPatch/x spec.default.appendModifications[0].cluster.value: must be a map, a part of a message of Envoy',
  ],
  [
    'a part of a message that is no YAML',
    spec(
      'MeshProxyPatch',
      '{default: {appendModifications: [{cluster: {operation: Patch, value: "{a: ["}}]}}',
    ),
    '3:76 error MeshProxyPatch/x spec.default.appendModifications[0].cluster.value: is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  [
    'a value to remove',
    spec(
      'MeshProxyPatch',
      '{default: {appendModifications: [{cluster: {operation: Remove, value: "a: b"}}]}}',
    ),
    '3:77 error MeshProxyPatch/x spec.default.appendModifications[0].cluster.value: has no place beside Remove',
  ],
  [
    'a place beside nothing',
    spec(
      'MeshProxyPatch',
      '{default: {appendModifications: [{httpFilter: {operation: AddBefore, value: "name: x"}}]}}',
    ),
    '3:65 error MeshProxyPatch/x spec.default.appendModifications[0].httpFilter.operation: needs match.name, the filter beside which it is added',
  ],
  [
    'a path that is no pointer',
    spec(
      'MeshProxyPatch',
      '{default: {appendModifications: [{cluster: {operation: Patch, jsonPatches: [{op: add, path: a/b, value: c}]}}]}}',
    ),
    '3:99 error MeshProxyPatch/x spec.default.appendModifications[0].cluster.jsonPatches[0].path: must begin with /',
  ],
  [
    'a host name with a space',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [], default: {filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: host, value: a b}]}}]}}]}]}',
    ),
    '3:183 error MeshHTTPRoute/x spec.to[0].rules[0].default.filters[0].requestHeaderModifier.set[0].value: is not a host with an optional port',
  ],
  // what may pass
  [
    'mysql without a port',
    spec(
      'MeshPassthrough',
      '{default: {appendMatch: [{type: IP, value: 10.0.0.1, protocol: mysql}]}}',
    ),
    '3:70 error MeshPassthrough/x spec.default.appendMatch[0].protocol: mysql needs a port; on it no first bytes are waited for',
  ],
  [
    'an address that is none',
    spec('MeshPassthrough', '{default: {appendMatch: [{type: IP, value: 10.0.0}]}}'),
    '3:50 error MeshPassthrough/x spec.default.appendMatch[0].value: must be an IP address',
  ],
  [
    'a network without bits',
    spec('MeshPassthrough', '{default: {appendMatch: [{type: CIDR, value: 10.0.0.0}]}}'),
    '3:52 error MeshPassthrough/x spec.default.appendMatch[0].value: must be a network such as 10.0.0.0/8',
  ],
  [
    'a domain of bytes',
    spec('MeshPassthrough', '{default: {appendMatch: [{type: Domain, value: a.test}]}}'),
    '3:32 error MeshPassthrough/x spec.default.appendMatch[0].protocol: tcp does not tell its domain; say tls, http, http2 or grpc, or give an address',
  ],
  [
    'a part of a label',
    spec(
      'MeshPassthrough',
      '{default: {appendMatch: [{type: Domain, value: "*a.test", protocol: tls}]}}',
    ),
    '3:54 error MeshPassthrough/x spec.default.appendMatch[0].value: must be a domain such as example.org or *.example.org',
  ],
  [
    'any domain at any port',
    spec(
      'MeshPassthrough',
      '{default: {appendMatch: [{type: Domain, value: "*.a.test", protocol: http}]}}',
    ),
    '3:54 error MeshPassthrough/x spec.default.appendMatch[0].value: needs a port beside it with http',
  ],
  [
    'a match said twice',
    spec(
      'MeshPassthrough',
      '{default: {appendMatch: [{type: IP, value: 10.0.0.1}, {type: IP, value: 10.0.0.1, protocol: tcp}]}}',
    ),
    '3:79 error MeshPassthrough/x spec.default.appendMatch[1].value: 10.0.0.1 stands here already, with this port and protocol',
  ],
  [
    'two versions of HTTP at a port',
    spec(
      'MeshPassthrough',
      '{default: {appendMatch: [{type: Domain, value: a.test, protocol: http}, {type: Domain, value: b.test, protocol: grpc, port: 80}]}}',
    ),
    '3:119 error MeshPassthrough/x spec.default.appendMatch[1].protocol: http and grpc cannot be told apart on the same port; give each its port',
  ],
]

for (const [title, text, error] of rows) {
  t.test(`bad resource: ${title}`, async (t) => {
    const directory = t.testdir({ 'mesh.yaml': smallMesh(), 'bad.yaml': text })
    const errors = validate([directory])
      .problems.filter(({ severity }) => severity === 'error')
      .map((problem) => formatProblem(problem).replaceAll(`${directory}/`, ''))
    t.same(errors, [`bad.yaml:${error}`])
    let emission: Emission | null = null
    const source = kumaFiles({
      paths: [directory],
      mesh: 'default',
      name: 'web-1',
      clock: fakeClock(),
      environment: {},
    })
    source.start((made) => {
      emission = made
    })
    source.stop()
    t.match(emission, { snapshot: null, settings: null, identity: null }, 'nothing of it is used')
  })
}

const timeout = (name: string, idle: string, top = '{kind: Mesh}', to = '{kind: Mesh}'): string =>
  `type: MeshTimeout
name: ${name}
spec: {targetRef: ${top}, to: [{targetRef: ${to}, default: {idleTimeout: ${idle}}}]}
`

/** What can be used and is most likely not what was meant. */
const warnings: readonly (readonly [title: string, text: string, lines: readonly string[]])[] = [
  [
    'a mesh that is not there',
    `mesh: defalt\n${timeout('x', '1s')}`,
    [
      'bad.yaml:1:7 warning MeshTimeout/x mesh: no Mesh is called "defalt"; did you mean "default"?',
    ],
  ],
  [
    'a Dataplane in a mesh that is not there',
    'type: Dataplane\nmesh: defualt\nname: x\nnetworking: {address: 10.0.0.9}\n',
    ['bad.yaml:2:7 warning Dataplane/x mesh: no Mesh is called "defualt"; did you mean "default"?'],
  ],
  [
    'an issuer of certificates that is misspelled',
    'type: Mesh\nname: b\nmtls: {backends: [{name: a, type: bultin}, {name: b, type: provided}, {name: c, type: vault}, {name: d, type: ours}]}\n',
    [
      'bad.yaml:3:35 warning Mesh/b mtls.backends[0].type: unknown type "bultin"; did you mean "builtin"?',
    ],
  ],
  [
    'tags that are misspelled',
    `type: Dataplane
name: x
networking:
  address: 10.0.0.9
  inbound: [{port: 1, servicePort: 2, tags: {kuma.io/servcie: x, kuma.io/protcol: http, kuma.io/team: a, version: v1}}]
`,
    [
      'bad.yaml:5:46 warning Dataplane/x networking.inbound[0].tags["kuma.io/servcie"]: kuma.io/servcie is no tag of Kuma\'s; did you mean "kuma.io/service"?',
      'bad.yaml:5:66 warning Dataplane/x networking.inbound[0].tags["kuma.io/protcol"]: kuma.io/protcol is no tag of Kuma\'s; did you mean "kuma.io/protocol"?',
    ],
  ],
  [
    'a tag of a gateway that is misspelled',
    `type: Dataplane
name: x
networking:
  address: 10.0.0.9
  gateway: {tags: {kuma.io/service: x, kuma.io/Zone: a}}
`,
    [
      'bad.yaml:5:40 warning Dataplane/x networking.gateway.tags["kuma.io/Zone"]: kuma.io/Zone is no tag of Kuma\'s; did you mean "kuma.io/zone"?',
    ],
  ],
  [
    'a tag of callers that is misspelled',
    'type: MeshTrafficPermission\nname: x\nspec: {from: [{targetRef: {kind: MeshSubset, tags: {kuma.io/servce: a}}, default: {action: Allow}}]}\n',
    [
      'bad.yaml:3:53 warning MeshTrafficPermission/x spec.from[0].targetRef.tags["kuma.io/servce"]: kuma.io/servce is no tag of Kuma\'s; did you mean "kuma.io/service"?',
    ],
  ],
  [
    'a destination that nobody knows',
    timeout('x', '1s', '{kind: Mesh}', '{kind: MeshService, name: backent}'),
    [
      'bad.yaml:3:76 warning MeshTimeout/x spec.to[0].targetRef.name: no MeshService backent is known; did you mean "backend"?',
    ],
  ],
  [
    'a route that nobody wrote',
    timeout('x', '1s', '{kind: Mesh}', '{kind: MeshHTTPRoute, name: split}'),
    [
      'bad.yaml:3:78 warning MeshTimeout/x spec.to[0].targetRef.name: no MeshHTTPRoute split is known',
    ],
  ],
  [
    'a proxy that is not there',
    timeout('x', '1s', '{kind: Dataplane, name: web-2}'),
    [
      'bad.yaml:3:8 warning MeshTimeout/x spec.targetRef: selects no Dataplane of the mesh; did you mean "web-1"?',
    ],
  ],
  [
    'a label that no proxy has',
    timeout('x', '1s', '{kind: Dataplane, labels: {app: web}}'),
    [
      'bad.yaml:3:8 warning MeshTimeout/x spec.targetRef: selects no Dataplane of the mesh; none has app',
    ],
  ],
  [
    'a tag with another value',
    timeout('x', '1s', '{kind: MeshSubset, tags: {version: v3}}'),
    [
      'bad.yaml:3:8 warning MeshTimeout/x spec.targetRef: selects no Dataplane of the mesh; did you mean "v1"?',
    ],
  ],
  [
    'an inbound that no proxy has',
    timeout('x', '1s', '{kind: Dataplane, sectionName: mian}'),
    [
      'bad.yaml:3:8 warning MeshTimeout/x spec.targetRef: selects no Dataplane of the mesh; did you mean "main"?',
    ],
  ],
  [
    'a caller that nobody knows',
    spec(
      'MeshTimeout',
      '{from: [{targetRef: {kind: MeshService, name: wep}, default: {idleTimeout: 1s}}]}',
    ),
    [
      'bad.yaml:3:53 warning MeshTimeout/x spec.from[0].targetRef.name: no MeshService wep is known; did you mean "web"?',
    ],
  ],
  [
    'a collector that nobody wrote',
    `${spec('MeshTrace', '{default: {backends: [{type: OpenTelemetry, openTelemetry: {backendRef: {kind: MeshOpenTelemetryBackend, name: colector}}}]}}')}---\n${spec('MeshOpenTelemetryBackend', '{endpoint: {address: otel}}').replace('name: x', 'name: collector')}`,
    [
      'bad.yaml:3:118 warning MeshTrace/x spec.default.backends[0].openTelemetry.backendRef.name: no MeshOpenTelemetryBackend colector is known; did you mean "collector"?',
    ],
  ],
  [
    'services of other zones that are none',
    spec(
      'MeshMultiZoneService',
      '{selector: {meshService: {matchLabels: {a: b}}}, ports: [{port: 80}]}',
    ),
    [
      'bad.yaml:3:19 warning MeshMultiZoneService/x spec.selector.meshService: selects no MeshService',
    ],
  ],
  [
    'two policies of which the name decides',
    `${timeout('x', '1s')}---\n${timeout('y', '2s')}`,
    [
      'bad.yaml:7:87 warning MeshTimeout/y spec.to[0].default.idleTimeout: MeshTimeout/x says otherwise of the same traffic and wins: its name is the smaller one',
    ],
  ],
  ['two policies that say the same', `${timeout('x', '1s')}---\n${timeout('y', '1s')}`, []],
  [
    'two policies of which one gives way by its target',
    `${timeout('x', '1s')}---\n${timeout('y', '2s', '{kind: Dataplane, name: web-1}')}`,
    [],
  ],
  [
    'two entries for the same traffic',
    spec(
      'MeshTimeout',
      '{to: [{targetRef: {kind: Mesh}, default: {idleTimeout: 1s}}, {targetRef: {kind: Mesh}, default: {idleTimeout: 2s}}]}',
    ),
    [
      'bad.yaml:3:62 warning MeshTimeout/x spec.to[0].default.idleTimeout: spec.to[1].default.idleTimeout says otherwise of the same traffic and wins: it comes later',
    ],
  ],
  [
    'two rules for the same requests',
    spec(
      'MeshHTTPRoute',
      '{to: [{targetRef: {kind: MeshService, name: backend}, rules: [{matches: [{method: GET}], default: {backendRefs: [{kind: MeshService, name: backend}]}}, {matches: [{method: GET}], default: {backendRefs: [{kind: MeshService, name: web}]}}]}]}',
    ),
    [
      'bad.yaml:3:106 warning MeshHTTPRoute/x spec.to[0].rules[0].default.backendRefs: spec.to[0].rules[1].default.backendRefs says otherwise of the same traffic and wins: it comes later',
    ],
  ],
  [
    'lists of permissions, which are put together',
    ['a', 'b']
      .map((name) =>
        spec(
          'MeshTrafficPermission',
          `{rules: [{default: {allow: [{spiffeID: {type: Exact, value: "spiffe://default/${name}"}}]}}]}`,
        ).replace('name: x', `name: ${name}`),
      )
      .join('---\n'),
    [],
  ],
  [
    'the section of another type',
    spec(
      'MeshLoadBalancingStrategy',
      '{to: [{targetRef: {kind: Mesh}, default: {loadBalancer: {type: Random, maglev: {tableSize: 7}}}}]}',
    ),
    [
      'bad.yaml:3:78 warning MeshLoadBalancingStrategy/x spec.to[0].default.loadBalancer.maglev: has no effect with type Random',
    ],
  ],
  [
    'a policy that says nothing',
    spec('MeshTimeout', '{targetRef: {kind: Mesh}}'),
    ['bad.yaml:3:1 warning MeshTimeout/x spec: says nothing; give one of to, from, rules'],
  ],
  [
    'a legacy policy',
    'type: TrafficPermission\nname: x\n',
    [
      'bad.yaml:1:7 warning TrafficPermission/x type: TrafficPermission is not supported and has no effect; use MeshTrafficPermission',
    ],
  ],
]

for (const [title, text, lines] of warnings) {
  t.test(`doubtful resource: ${title}`, async (t) => {
    const directory = t.testdir({ 'mesh.yaml': smallMesh(), 'bad.yaml': text })
    const found = validate([directory]).problems.map((problem) =>
      formatProblem(problem).replaceAll(`${directory}/`, ''),
    )
    t.same(found, lines)
  })
}
