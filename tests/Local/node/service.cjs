// An operator's tool on azure-iothub: looks at a device, talks to it, disables it. Settings from stdin, results as JSON lines.
'use strict';
const { Registry, Client } = require('azure-iothub');
const settings = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const say = (event, more) => console.log(JSON.stringify({ event, ...more }));
const credential = { getToken: async () => ({ token: settings.token, expiresOnTimestamp: Date.now() + 3600_000 }) };

async function main() {
  const registry = settings.token ? Registry.fromTokenCredential(settings.host, credential) : Registry.fromConnectionString(settings.connectionString);
  const device = (await registry.get(settings.deviceId)).responseBody;
  say('read', { status: device.status, type: device.authentication.type, connectionState: device.connectionState });

  const twin = (await registry.getTwin(settings.deviceId)).responseBody;
  say('twin', { firmware: twin.properties.reported.firmware });
  const updated = (await registry.updateTwin(settings.deviceId, { tags: { seen: 'yes' }, properties: { desired: { mode: 'slow' } } }, twin.etag)).responseBody;
  say('updated', { version: updated.properties.desired.$version });
  const found = await registry.createQuery("SELECT * FROM devices WHERE tags.seen = 'yes'", 10).nextAsTwin();
  say('found', { ids: found.result.map((item) => item.deviceId) });

  const service = settings.token ? Client.fromTokenCredential(settings.host, credential) : Client.fromConnectionString(settings.connectionString);
  const answer = (await service.invokeDeviceMethod(settings.deviceId, { methodName: 'ping', payload: { n: 1 }, responseTimeoutInSeconds: 10, connectTimeoutInSeconds: 5 })).result;
  say('answered', { status: answer.status, payload: answer.payload });

  device.status = 'disabled';
  device.statusReason = 'incident 7';
  const disabled = (await registry.update(device)).responseBody;
  say('disabled', { status: disabled.status, reason: disabled.statusReason });
  try {
    await registry.get('nobody');
  } catch (error) {
    say('missing', { error: error.name });
  }
}

main().then(() => process.exit(0), (error) => { say('failed', { error: error.name, message: error.message }); process.exit(1); });
