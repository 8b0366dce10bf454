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

@export()
@description('A rule over the apps own logs. Event ids are those of the code (a test holds them against it).')
type logRuleType = {
  name: string
  runbook: string
  severity: 0 | 1 | 2 | 3
  @description('Event id in the log record.')
  eventId: int
  @description('Minutes looked back, and between evaluations.')
  windowMinutes: 5 | 15 | 60
  @description('Fires at more than this many records.')
  threshold: int
}

@description('Required. The rules.')
param rules logRuleType[]

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

resource logRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${prefix}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.name
      description: 'Runbook: infra/runbooks/${rule.runbook}.md'
      severity: rule.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: 'PT${rule.windowMinutes}M'
      windowSize: 'PT${rule.windowMinutes}M'
      criteria: {
        allOf: [
          {
            query: 'AppTraces | where tostring(parse_json(Message).eventId) == "${rule.eventId}"'
            timeAggregation: 'Count'
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

output actionGroupId string = onCall.id
