metadata name = 'Function app'
metadata description = 'One app of the pipeline on Flex Consumption: custom runtime, its own identity, storage of its own, no secret in any setting.'
metadata trust = 'Holds what its identity holds. Deployed packages come from its deployment container, which only it and the deployer reach.'

@export()
@description('A trigger or function group that keeps instances warm.')
type alwaysReadyType = { name: string, instanceCount: int }

@description('Required. Name of the site.')
param name string

@description('Required. Name of the plan.')
param planName string

@description('Required. Azure region.')
param location string

@description('Required. Tags of the deployment.')
param tags object

@description('Required. Resource id of the app identity.')
param identityId string

@description('Required. Client id of the app identity.')
param identityClientId string

@description('Required. Name of the storage account that the Functions host of this app uses; in this resource group.')
param hostStorageName string

@description('Required. Application settings of the app: names and values, none of them secret.')
param settings object

@description('Required. Application Insights connection string; no secret, ingestion wants an Entra token.')
param insightsConnectionString string

@description('Optional. Memory of an instance.')
param instanceMemoryMB 512 | 2048 | 4096 = 2048

@description('Required. Most instances the app may scale to, 40 to 1000.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int

@description('Optional. HTTP requests an instance takes at once before another is started.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 100

@description('Optional. Instances kept warm.')
param alwaysReady alwaysReadyType[] = []

@description('Optional. Instances spread over the zones of the region; the host storage has to be, too.')
param zoneRedundant bool = false

@description('Optional. Subnet for outbound traffic; empty for none.')
param subnetId string = ''

@description('Required. Workspace for diagnostics.')
param workspaceId string

resource hostStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: hostStorageName
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

var platformSettings = {
  AZURE_CLIENT_ID: identityClientId
  AzureWebJobsStorage__blobServiceUri: hostStorage.properties.primaryEndpoints.blob
  AzureWebJobsStorage__queueServiceUri: hostStorage.properties.primaryEndpoints.queue
  AzureWebJobsStorage__tableServiceUri: hostStorage.properties.primaryEndpoints.table
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}

resource site 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    keyVaultReferenceIdentity: identityId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      remoteDebuggingEnabled: false
    }
    functionAppConfig: {
      runtime: { name: 'custom', version: '1.0' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReady
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostStorage.properties.primaryEndpoints.blob}deployments'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
        }
      }
    }
  }

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: union(settings, platformSettings)
  }

  // Publishing passwords off on both doors: deployment is by Entra identity only.
  resource ftp 'basicPublishingCredentialsPolicies' = { name: 'ftp', properties: { allow: false } }
  resource scm 'basicPublishingCredentialsPolicies' = { name: 'scm', properties: { allow: false } }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: site
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = site.id
output name string = site.name
output host string = site.properties.defaultHostName
