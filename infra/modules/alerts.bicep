metadata name = 'Alert rules'
metadata description = 'What ops must know. Each rule names the page of infra/runbooks that says what it means, how to confirm, act and undo.'
metadata trust = 'Whoever can silence a rule can hide an attack: rules live in code and nowhere else.'

@description('Required. Azure region.')
param location string

@description('Required. Tags of the deployment.')
param tags object

@description('Required. Prefix of the rule names.')
param prefix string

@description('Required. Log Analytics workspace.')
param workspaceId string

@description('Required. Mail address of the people on call.')
param opsEmail string

@description('Required. Resources that metric rules watch.')
param targets targetType[]

@description('Required. Object ids of the identities that may sign, for the rule that looks for others.')
param signers string[]

@export()
@description('A resource that metric rules watch.')
type targetType = {
  @description('What it is; rules name it.')
  kind: 'eventHubs' | 'iotHub' | 'provisioning' | 'keyVault' | 'stateStorage' | 'auditStorage' | 'otaStorage' | 'ota'
  @description('Part of the rule name.')
  name: string
  id: string
  @description('Messages a day it may take; 0 when there is no such limit.')
  dailyQuota: int
}

@export()
@description('A rule over the apps own logs. Event ids are those of the code (a test holds them against it).')
type logRuleType = {
  name: string
  runbook: string
  severity: 0 | 1 | 2 | 3
  @description('One sentence for the mail.')
  says: string
  @description('Event ids in the log records.')
  eventIds: int[]
  @description('Minutes looked back, and between evaluations.')
  windowMinutes: 5 | 15 | 60
  @description('Fires at more than this many records of one app.')
  threshold: int
}

@export()
@description('A rule over any table of the workspace: fires when the query has a row.')
type queryRuleType = {
  name: string
  runbook: string
  severity: 0 | 1 | 2 | 3
  says: string
  query: string
  windowMinutes: 5 | 15 | 60
}

@export()
@description('A rule over a platform metric.')
type metricRuleType = {
  name: string
  runbook: string
  severity: 0 | 1 | 2 | 3
  says: string
  target: string
  metric: string
  dimension: { name: string, values: string[] }?
  aggregation: 'Average' | 'Maximum' | 'Minimum' | 'Total'
  operator: 'GreaterThan' | 'LessThan'
  threshold: int
  @description('The threshold is this share of the daily quota of the target, in percent.')
  quotaPercent: int?
  windowMinutes: 5 | 15 | 60
}

@export()
@description('A rule over what people and pipelines do to the resources themselves (the activity log).')
type activityRuleType = {
  name: string
  runbook: string
  severity: 0 | 1 | 2 | 3
  says: string
  operations: string[]
}

@description('Required. The rules.')
param rules {
  logs: logRuleType[]
  queries: queryRuleType[]
  metrics: metricRuleType[]
  activities: activityRuleType[]
}

resource onCall 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${prefix}-on-call'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'on-call'
    enabled: true
    emailReceivers: [{ name: 'on-call', emailAddress: opsEmail, useCommonAlertSchema: true }]
  }
}

// An app writes each log record as one line of JSON, which the Functions host passes on as the message of a trace.
resource logRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules.logs: {
    name: '${prefix}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.name
      description: '${rule.says} Runbook: infra/runbooks/${rule.runbook}.md'
      severity: rule.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: 'PT${rule.windowMinutes}M'
      windowSize: 'PT${rule.windowMinutes}M'
      criteria: {
        allOf: [
          {
            query: 'AppTraces | where Message startswith "{" | extend record = parse_json(Message) | where toint(record.id) in (${join(map(rule.eventIds, id => string(id)), ', ')})'
            timeAggregation: 'Count'
            dimensions: [{ name: 'AppRoleName', operator: 'Include', values: ['*'] }]
            operator: 'GreaterThan'
            threshold: rule.threshold
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      autoMitigate: true
      actions: { actionGroups: [onCall.id] }
    }
  }
]

resource queryRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules.queries: {
    name: '${prefix}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.name
      description: '${rule.says} Runbook: infra/runbooks/${rule.runbook}.md'
      severity: rule.severity
      enabled: true
      // A table that has no record yet does not exist for the compiler of queries.
      skipQueryValidation: true
      scopes: [workspaceId]
      evaluationFrequency: 'PT${rule.windowMinutes}M'
      windowSize: 'PT${rule.windowMinutes}M'
      criteria: {
        allOf: [
          {
            query: replace(rule.query, '{signers}', '"${join(signers, '", "')}"')
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      autoMitigate: true
      actions: { actionGroups: [onCall.id] }
    }
  }
]

var watched = flatten(map(
  rules.metrics,
  rule => map(filter(targets, target => target.kind == rule.target), target => { rule: rule, target: target })
))

resource metricRules 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for pair in watched: {
    name: '${prefix}-${pair.rule.name}-${pair.target.name}'
    location: 'global'
    tags: tags
    properties: {
      description: '${pair.rule.says} Runbook: infra/runbooks/${pair.rule.runbook}.md'
      severity: pair.rule.severity
      enabled: true
      scopes: [pair.target.id]
      evaluationFrequency: 'PT5M'
      windowSize: pair.rule.windowMinutes == 60 ? 'PT1H' : 'PT${pair.rule.windowMinutes}M'
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            name: 'metric'
            criterionType: 'StaticThresholdCriterion'
            metricName: pair.rule.metric
            dimensions: pair.rule.?dimension == null
              ? []
              : [{ name: pair.rule.dimension!.name, operator: 'Include', values: pair.rule.dimension!.values }]
            operator: pair.rule.operator
            threshold: pair.rule.?quotaPercent == null
              ? pair.rule.threshold
              : pair.target.dailyQuota * pair.rule.quotaPercent! / 100
            timeAggregation: pair.rule.aggregation
            skipMetricValidation: true
          }
        ]
      }
      autoMitigate: true
      actions: [{ actionGroupId: onCall.id }]
    }
  }
]

resource activityRules 'Microsoft.Insights/activityLogAlerts@2020-10-01' = [
  for rule in rules.activities: {
    name: '${prefix}-${rule.name}'
    location: 'global'
    tags: tags
    properties: {
      description: '${rule.says} Runbook: infra/runbooks/${rule.runbook}.md'
      enabled: true
      scopes: [resourceGroup().id]
      condition: {
        allOf: [
          { field: 'status', equals: 'Succeeded' }
          {
            anyOf: map(rule.operations, operation => { field: 'operationName', equals: operation })
          }
        ]
      }
      actions: { actionGroups: [{ actionGroupId: onCall.id }] }
    }
  }
]

output actionGroupId string = onCall.id
