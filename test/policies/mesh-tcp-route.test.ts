import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshTcpRoute } from './rows/mesh-tcp-route.ts'

testPolicy(t, meshTcpRoute)
