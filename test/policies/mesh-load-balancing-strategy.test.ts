import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshLoadBalancingStrategy } from './rows/mesh-load-balancing-strategy.ts'

testPolicy(t, meshLoadBalancingStrategy)
