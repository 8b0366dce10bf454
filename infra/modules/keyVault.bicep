metadata name = 'Key Vault'
metadata description = 'Vault with one signing key a role, or with one secret for one app. RBAC, purge protection; keys sign and verify only, and never rotate by themselves.'
metadata trust = 'Trusted. Root keys are never here: firmware-signing/README.md. What each key can do if stolen is a table there.'

@export()
@description('A signing key and who may sign with it.')
type signingKeyType = {
  name: string
  @description('Function app whose identity may sign with it.')
  signer: string
}

@description('Required. Name of the vault, at most 24 characters.')
@maxLength(24)
param name string

@description('Required. Azure region.')
param location string

@description('Required. Tags of the deployment.')
param tags object

@description('Required. Object id of each app identity, by app name.')
param principals object

@description('Optional. Signing keys, P-256.')
param keys signingKeyType[] = []

@description('Conditional. Definition id of the custom signer role; with keys.')
param signerRoleId string = ''

@description('Optional. Who may read every secret of the vault: app names. A vault with keys has none.')
param secretReaders string[] = []

@description('Optional. Keys in hardware (Premium vault).')
param hardware bool = false

@description('Required. Workspace for diagnostics.')
param workspaceId string

@description('Required. Whether public network access is refused.')
param isolated bool

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: hardware ? 'premium' : 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: isolated ? 'Disabled' : 'Enabled'
    networkAcls: { bypass: 'AzureServices', defaultAction: isolated ? 'Deny' : 'Allow' }
  }
}

// TUF roles pin a key version: rotation is a signed change of metadata, so the vault only reminds.
resource vaultKeys 'Microsoft.KeyVault/vaults/keys@2024-11-01' = [
  for key in keys: {
    parent: vault
    name: key.name
    tags: tags
    properties: {
      kty: hardware ? 'EC-HSM' : 'EC'
      curveName: 'P-256'
      keyOps: ['sign', 'verify']
      attributes: { enabled: true, exportable: false }
      rotationPolicy: {
        attributes: { expiryTime: 'P2Y' }
        lifetimeActions: [{ action: { type: 'notify' }, trigger: { timeBeforeExpiry: 'P60D' } }]
      }
    }
  }
]

resource signerRights 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (key, index) in keys: {
    name: guid(vault.id, key.name, key.signer)
    scope: vaultKeys[index]
    properties: {
      principalId: principals[key.signer]
      principalType: 'ServicePrincipal'
      description: '${key.signer}: sign with ${key.name}'
      roleDefinitionId: signerRoleId
    }
  }
]

// Key Vault Secrets User: reads values, and nothing else.
var secretsUser = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  '4633458b-17de-408a-b874-0445c86b69e6'
)

resource readerRights 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for app in secretReaders: {
    name: guid(vault.id, app, secretsUser)
    scope: vault
    properties: {
      principalId: principals[app]
      principalType: 'ServicePrincipal'
      description: '${app}: read the secret of this vault'
      roleDefinitionId: secretsUser
    }
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep-keys'
  scope: vault
  properties: {
    level: 'CanNotDelete'
    notes: empty(keys)
      ? 'Enrolments are written with what is in here.'
      : 'Devices trust these keys; a lost vault means a root ceremony.'
  }
}

output id string = vault.id
output uri string = vault.properties.vaultUri
