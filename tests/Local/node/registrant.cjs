// A device as its maker would write it, on azure-iot-provisioning-device: registers by X.509 or by symmetric key, over MQTT or HTTP, then
// sends telemetry with azure-iot-device-mqtt to the hub it was given. Settings from stdin, results as JSON lines.
'use strict';
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { X509Security } = require('azure-iot-security-x509');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const settings = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const say = (event, more) => console.log(JSON.stringify({ event, ...more }));
const x509 = settings.cert && { cert: settings.cert, key: settings.key };

function security() {
  return x509 ? new X509Security(settings.registrationId, x509) : new SymmetricKeySecurityClient(settings.registrationId, settings.symmetricKey);
}

function transport() {
  const { Mqtt: OverMqtt } = require('azure-iot-provisioning-device-mqtt');
  const { Http } = require('azure-iot-provisioning-device-http');
  return settings.transport === 'http' ? new Http() : new OverMqtt();
}

async function main() {
  const registration = ProvisioningDeviceClient.create(settings.host, settings.idScope, transport(), security());
  registration.setProvisioningPayload({ model: 'pump' });
  let given;
  try {
    given = await registration.register();
  } catch (error) {
    say('refused', { error: error.name, code: error.result && error.result.registrationState && error.result.registrationState.errorCode });
    process.exit(0);
  }
  say('assigned', { hub: given.assignedHub, deviceId: given.deviceId, payload: given.payload });

  const secret = x509 ? 'x509=true' : `SharedAccessKey=${settings.symmetricKey}`;
  const client = Client.fromConnectionString(`HostName=${given.assignedHub};DeviceId=${given.deviceId};${secret}`, Mqtt);
  if (x509) await client.setOptions(x509);
  await client.open();
  await client.sendEvent(new Message(JSON.stringify({ temperature: 21.5 })));
  say('sent');
  await client.close();
}

main().then(() => process.exit(0), (error) => { say('failed', { error: error.name, message: error.message }); process.exit(1); });
