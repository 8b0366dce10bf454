metadata name = 'Storage account'
metadata description = 'One storage account of one trust: containers, tables, rights on each, no shared key, no public access.'
metadata trust = 'Accounts are split by trust, so that a right on one says nothing about another. See infra/README.md for each.'

@export()
@description('One right on one container or table, or on the whole account when name is empty.')
type rightType = {
  @description('Container or table name; empty for the account.')
  on: string
  @description('What kind of thing it is.')
  kind: 'container' | 'table' | 'blobs' | 'queues' | 'tables'
  @description('Function app whose identity holds the right.')
  app: string
  @description('What it may do.')
  right: 'read' | 'write' | 'own'
}

@export()
@description('A container.')
type containerType = {
  name: string
  @description('Days for which blobs cannot be changed or deleted, appends excepted.')
  @minValue(1)
  @maxValue(3650)
  immutableDays: int?
  @description('Days for which each version of a blob is kept as it was written; a name may still get a newer version.')
  @minValue(1)
  @maxValue(3650)
  versionsKeptDays: int?
  @description('Days after which blobs are deleted.')
  @minValue(1)
  deleteAfterDays: int?
}

@description('Required. Name of the account, 3 to 24 lower-case letters and digits.')
@minLength(3)
@maxLength(24)
param name string

@description('Required. Azure region.')
param location string

@description('Required. Tags of the deployment.')
param tags object

@description('Required. Redundancy.')
param sku 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GZRS'

@description('Required. Containers.')
param containers containerType[]

@description('Optional. Tables.')
param tables string[] = []

@description('Required. Object id of each app identity, by app name.')
param principals object

@description('Required. Every right on the account.')
param rights rightType[]

@description('Optional. Blobs in the containers can be read without a token (only the OTA account, behind its CDN).')
param anonymousRead bool = false

@description('Required. Workspace for diagnostics.')
param workspaceId string

@description('Required. Whether public network access is refused.')
param isolated bool

@description('Optional. Locked against deletion.')
param locked bool = true

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: anonymousRead
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    allowCrossTenantReplication: false
    publicNetworkAccess: isolated && !anonymousRead ? 'Disabled' : 'Enabled'
    networkAcls: { bypass: 'AzureServices', defaultAction: isolated && !anonymousRead ? 'Deny' : 'Allow' }
    encryption: {
      keySource: 'Microsoft.Storage'
      requireInfrastructureEncryption: true
      services: { blob: { enabled: true }, file: { enabled: true }, table: { enabled: true }, queue: { enabled: true } }
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      isVersioningEnabled: true
      deleteRetentionPolicy: { enabled: true, days: 14 }
      containerDeleteRetentionPolicy: { enabled: true, days: 14 }
    }
  }

  resource tableService 'tableServices' = { name: 'default' }
  resource queueService 'queueServices' = { name: 'default' }
}

resource blobContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = [
  for container in containers: {
    parent: account::blobs
    name: container.name
    properties: {
      publicAccess: anonymousRead ? 'Blob' : 'None'
      immutableStorageWithVersioning: container.?versionsKeptDays == null ? null : { enabled: true }
    }
  }
]

resource immutability 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2024-01-01' = [
  for (container, index) in containers: if (container.?immutableDays != null || container.?versionsKeptDays != null) {
    parent: blobContainers[index]
    name: 'default'
    properties: {
      immutabilityPeriodSinceCreationInDays: container.?immutableDays ?? container.?versionsKeptDays ?? 1
      // Append blobs grow; with version-level policies the platform refuses the option.
      allowProtectedAppendWritesAll: container.?immutableDays != null ? true : null
    }
  }
]

resource storageTables 'Microsoft.Storage/storageAccounts/tableServices/tables@2024-01-01' = [
  for table in tables: {
    parent: account::tableService
    name: table
  }
]

var expiring = filter(containers, container => container.?deleteAfterDays != null)

resource expiry 'Microsoft.Storage/storageAccounts/managementPolicies@2024-01-01' = if (!empty(expiring)) {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        for container in expiring: {
          name: 'expire-${container.name}'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob', 'appendBlob'], prefixMatch: ['${container.name}/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: container.?deleteAfterDays } } }
          }
        }
      ]
    }
  }
}

func role(id string) string => subscriptionResourceId('Microsoft.Authorization/roleDefinitions', id)

var blobRoles = {
  read: role('2a2b9908-6ea1-4ae2-8e65-a410df84e7d1') // Storage Blob Data Reader
  write: role('ba92f5b4-2d11-453d-a403-e96b0029c9fe') // Storage Blob Data Contributor
  own: role('b7e6dc6d-f1e8-4753-8033-0f276bb0955b') // Storage Blob Data Owner: the Functions host needs it for its leases
}
var tableRoles = {
  read: role('76199698-9eea-4c19-bc75-cec21354c6b6') // Storage Table Data Reader
  write: role('0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3') // Storage Table Data Contributor
  own: role('0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3')
}
var queueRoles = {
  read: role('19e7f393-937e-4f77-808e-94535e297925') // Storage Queue Data Reader
  write: role('974c5e8b-45b9-4653-ba55-5f855dd0fb88') // Storage Queue Data Contributor
  own: role('974c5e8b-45b9-4653-ba55-5f855dd0fb88')
}

var onAccount = filter(rights, right => contains(['blobs', 'queues', 'tables'], right.kind))
var onContainer = filter(rights, right => right.kind == 'container')
var onTable = filter(rights, right => right.kind == 'table')

resource accountRights 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for right in onAccount: {
    name: guid(account.id, right.kind, right.app, right.right)
    scope: account
    properties: {
      principalId: principals[right.app]
      principalType: 'ServicePrincipal'
      description: '${right.app}: ${right.right} ${right.kind} ${right.on}'
      roleDefinitionId: right.kind == 'blobs'
        ? blobRoles[right.right]
        : right.kind == 'queues' ? queueRoles[right.right] : tableRoles[right.right]
    }
  }
]

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' existing = [
  for right in onContainer: {
    parent: account::blobs
    name: right.on
  }
]

resource containerRights 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (right, index) in onContainer: {
    name: guid(account.id, right.on, right.app, right.right)
    scope: container[index]
    properties: {
      principalId: principals[right.app]
      principalType: 'ServicePrincipal'
      description: '${right.app}: ${right.right} ${right.kind} ${right.on}'
      roleDefinitionId: blobRoles[right.right]
    }
    dependsOn: [blobContainers]
  }
]

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2024-01-01' existing = [
  for right in onTable: {
    parent: account::tableService
    name: right.on
  }
]

resource tableRights 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (right, index) in onTable: {
    name: guid(account.id, 'table', right.on, right.app, right.right)
    scope: table[index]
    properties: {
      principalId: principals[right.app]
      principalType: 'ServicePrincipal'
      description: '${right.app}: ${right.right} ${right.kind} ${right.on}'
      roleDefinitionId: tableRoles[right.right]
    }
    dependsOn: [storageTables]
  }
]

resource accountDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: account
  properties: { workspaceId: workspaceId, metrics: [{ category: 'Transaction', enabled: true }] }
}

resource blobDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: account::blobs
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

resource tableDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: account::tableService
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

resource queueDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: account::queueService
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (locked) {
  name: 'keep-data'
  scope: account
  properties: { level: 'CanNotDelete', notes: 'State, evidence or published firmware is lost with the account.' }
}

output id string = account.id
output name string = account.name
output blobEndpoint string = account.properties.primaryEndpoints.blob
output tableEndpoint string = account.properties.primaryEndpoints.table
output queueEndpoint string = account.properties.primaryEndpoints.queue
