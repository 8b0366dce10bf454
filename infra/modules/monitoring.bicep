metadata name = 'Monitoring'
metadata description = 'Log Analytics workspace and Application Insights on it. Ingestion with Entra tokens only.'
metadata trust = 'Not trusted with secrets: nothing that is logged may be one. Whoever reads it sees device ids and fault codes.'

@description('Required. Name of the workspace.')
param workspaceName string

@description('Required. Name of the Application Insights component.')
param componentName string

@description('Required. Azure region.')
param location string

@description('Required. Tags of the deployment.')
param tags object

@description('Optional. Days that logs are kept; 30 to 730.')
@minValue(30)
@maxValue(730)
param retentionDays int = 90

@description('Required. Object id of each app identity, by app name: all of them publish metrics and traces.')
param principals object

@description('Required. Names of the apps.')
param apps string[]

@description('Required. Whether queries from public networks are refused.')
param isolated bool

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    features: { disableLocalAuth: true, enableLogAccessUsingOnlyResourcePermissions: true }
    publicNetworkAccessForIngestion: 'Enabled'
    publicNetworkAccessForQuery: isolated ? 'Disabled' : 'Enabled'
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: componentName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
    publicNetworkAccessForIngestion: 'Enabled'
    publicNetworkAccessForQuery: isolated ? 'Disabled' : 'Enabled'
  }
}

// Monitoring Metrics Publisher: what Entra-only ingestion needs.
var metricsPublisher = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  '3913510d-42f4-4e42-8a64-420c390055eb'
)

resource publishers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for app in apps: {
    name: guid(component.id, app, metricsPublisher)
    scope: component
    properties: {
      principalId: principals[app]
      principalType: 'ServicePrincipal'
      description: '${app}: publish metrics'
      roleDefinitionId: metricsPublisher
    }
  }
]

output workspaceId string = workspace.id
output componentId string = component.id
output connectionString string = component.properties.ConnectionString
