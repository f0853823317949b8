import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshHttpRoute } from './rows/mesh-http-route.ts'

testPolicy(t, meshHttpRoute)
