'use strict';
// azure-iothub (npm) manages devices with its Registry: create, read, update, list, delete, and the conflicts.

const { Registry } = require('azure-iothub');
const { READY, assert, run } = require('./hub');

const KEY = Buffer.from('a key that is thirty-two bytes !').toString('base64');
const DEVICE = 'peer-js:1+a%b';

/** `promise` must reject with this class of the SDK's errors. */
async function checkRefused(promise, name, what) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.name, name, `${what}: ${error.name} ${error.message}`);
    return true;
  }, `${what} was not refused`);
}

run(async () => {
  const registry = Registry.fromConnectionString(READY.hubConnectionString);
  const created = (
    await registry.create({
      deviceId: DEVICE,
      status: 'enabled',
      authentication: { symmetricKey: { primaryKey: KEY, secondaryKey: KEY } },
    })
  ).responseBody;
  assert.equal(created.deviceId, DEVICE);
  assert.equal(created.authentication.type, 'sas');
  assert.ok(created.etag && created.generationId);
  await checkRefused(registry.create({ deviceId: DEVICE }), 'DeviceAlreadyExistsError', 'creating a device twice');

  const read = (await registry.get(DEVICE)).responseBody;
  assert.equal(read.authentication.symmetricKey.primaryKey, KEY);
  assert.equal(read.etag, created.etag);
  read.status = 'disabled';
  read.statusReason = 'on the shelf';
  const updated = (await registry.update(read)).responseBody;
  assert.equal(updated.status, 'disabled');
  assert.equal(updated.statusReason, 'on the shelf');
  assert.notEqual(updated.etag, created.etag);
  assert.equal(updated.generationId, created.generationId);

  const keyless = (await registry.create({ deviceId: 'peer-js-keyless' })).responseBody;
  const { primaryKey, secondaryKey } = keyless.authentication.symmetricKey;
  assert.ok(Buffer.from(primaryKey, 'base64').length >= 16, 'the hub makes the keys that are left empty');
  assert.notEqual(primaryKey, secondaryKey);

  const listed = (await registry.list()).responseBody.map((device) => device.deviceId);
  assert.ok([DEVICE, 'peer-js-keyless', 'device1'].every((id) => listed.includes(id)), `listed: ${listed}`);

  await registry.delete(DEVICE);
  await registry.delete('peer-js-keyless');
  await checkRefused(registry.get(DEVICE), 'DeviceNotFoundError', 'reading a deleted device');
  await checkRefused(registry.delete(DEVICE), 'DeviceNotFoundError', 'deleting a deleted device');

  const wrong = READY.hubConnectionString.replace(/SharedAccessKey=.*/, `SharedAccessKey=${KEY}`);
  const stranger = Registry.fromConnectionString(wrong);
  await checkRefused(stranger.get('device1'), 'UnauthorizedError', 'reading with a wrong key');
});
