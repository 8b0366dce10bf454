metadata name = 'Custom roles'
metadata description = 'Roles narrower than any built-in one. Each lists data actions only: none can change a resource.'
metadata trust = 'Trusted: whoever can edit these definitions can widen what every app may do.'

targetScope = 'subscription'

@description('Required. Suffix that keeps the role names of several deployments apart.')
param suffix string

@description('Required. Resource group in which the roles may be assigned.')
param resourceGroupId string

var definitions = {
  signer: {
    title: 'Key signer'
    purpose: 'Reads a key and signs with it. Unlike Key Vault Crypto User it can neither decrypt nor unwrap.'
    dataActions: [
      'Microsoft.KeyVault/vaults/keys/read'
      'Microsoft.KeyVault/vaults/keys/sign/action'
    ]
  }
  registryOperator: {
    title: 'IoT Hub registry operator'
    purpose: 'Reads, disables and removes device identities, writes twins and calls methods.'
    dataActions: [
      'Microsoft.Devices/IotHubs/devices/read'
      'Microsoft.Devices/IotHubs/devices/write'
      'Microsoft.Devices/IotHubs/devices/delete'
      'Microsoft.Devices/IotHubs/twins/read'
      'Microsoft.Devices/IotHubs/twins/write'
      'Microsoft.Devices/IotHubs/directMethods/invoke/action'
    ]
  }
  registryReader: {
    title: 'IoT Hub registry reader'
    purpose: 'Reads device identities and twins. No write of any kind.'
    dataActions: [
      'Microsoft.Devices/IotHubs/devices/read'
      'Microsoft.Devices/IotHubs/twins/read'
    ]
  }
  enrollmentOperator: {
    title: 'DPS enrolment operator'
    purpose: 'Reads and writes enrolments and registration records. No attestation details: keys stay out of reach.'
    dataActions: [
      'Microsoft.Devices/provisioningServices/enrollments/read'
      'Microsoft.Devices/provisioningServices/enrollments/write'
      'Microsoft.Devices/provisioningServices/enrollments/delete'
      'Microsoft.Devices/provisioningServices/enrollmentGroups/read'
      'Microsoft.Devices/provisioningServices/enrollmentGroups/write'
      'Microsoft.Devices/provisioningServices/registrationStates/read'
      'Microsoft.Devices/provisioningServices/registrationStates/delete'
    ]
  }
}

resource roles 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for role in items(definitions): {
    name: guid(subscription().id, role.key, suffix)
    properties: {
      roleName: '${role.value.title} (${suffix})'
      description: role.value.purpose
      type: 'CustomRole'
      assignableScopes: [resourceGroupId]
      permissions: [{ actions: [], notActions: [], dataActions: role.value.dataActions, notDataActions: [] }]
    }
  }
]
