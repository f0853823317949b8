import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshTrafficPermission } from './rows/mesh-traffic-permission.ts'

testPolicy(t, meshTrafficPermission)
