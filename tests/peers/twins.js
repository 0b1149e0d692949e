'use strict';
// azure-iothub (npm) works with twins: patches, ETags, queries in pages, many identities at once, methods.

const { Client, Registry } = require('azure-iothub');
const { READY, assert, run } = require('./hub');

const DEVICES = [0, 1, 2, 3, 4].map((number) => `peer-js-twin:${number}+a%b`);
const DEVICE = DEVICES[0];

/** `promise` must reject with this class of the SDK's errors. */
async function refused(promise, name, what) {
  let seen;
  await assert.rejects(promise, (error) => {
    seen = error;
    assert.equal(error.name, name, `${what}: ${error.name} ${error.message}`);
    return true;
  }, `${what} was not refused`);
  return seen;
}

/** All rows of a query, page by page. */
async function rows(registry, text, page, asTwins) {
  const query = registry.createQuery(text, page);
  const all = [];
  while (query.hasMoreResults) {
    const { result, message } = asTwins ? await query.nextAsTwin() : await query.next();
    assert.ok(result.length <= page, `a page has up to ${page} rows`);
    assert.equal(message.headers['x-ms-item-type'], asTwins ? 'Twin' : 'Raw');
    all.push(...result);
  }
  return all;
}

async function checkTwin(registry) {
  const twin = (await registry.getTwin(DEVICE)).responseBody;
  assert.equal(twin.deviceId, DEVICE);
  assert.equal(twin.version, 2);
  const etag = twin.etag;
  await twin.update({ tags: { kind: 'peer-js', plant: { floor: 1 } }, properties: { desired: { a: { b: 1 } } } });
  assert.notEqual(twin.etag, etag);
  assert.equal(twin.properties.desired.$version, 2);
  // The twin knows its new ETag, so that the next update goes through.
  await twin.update({ properties: { desired: { a: { b: null, c: [1.5] } } } });
  assert.deepEqual(twin.properties.desired.a, { c: [1.5] });
  assert.equal(twin.properties.desired.$metadata.a.c.$lastUpdatedVersion, 3);
  assert.deepEqual(twin.tags, { kind: 'peer-js', plant: { floor: 1 } });
  await refused(registry.updateTwin(DEVICE, { tags: { a: 1 } }, etag), 'InvalidEtagError', 'an update with a stale ETag');
  await refused(registry.updateTwin(DEVICE, { tags: { 'a.b': 1 } }, '*'), 'ArgumentError', 'a key with a dot');
  await refused(registry.getTwin('peer-js-nobody'), 'DeviceNotFoundError', 'the twin of an unknown device');
}

async function checkModule(registry) {
  await registry.addModule({ deviceId: DEVICE, moduleId: 'm+1' });
  const updated = (await registry.updateModuleTwin(DEVICE, 'm+1', { tags: { a: 1 } }, '*')).responseBody;
  assert.equal(updated.moduleId, 'm+1');
  const found = await rows(registry, "SELECT * FROM devices.modules WHERE moduleId = 'm+1' AND tags.a = 1", 10, true);
  assert.ok(found.some((twin) => twin.deviceId === DEVICE), 'the module is found');
}

async function checkQueries(registry) {
  for (const device of DEVICES) {
    await registry.updateTwin(device, { tags: { kind: 'peer-js', even: Number(device[13]) % 2 === 0 } }, '*');
  }
  const found = await rows(registry, "SELECT * FROM devices WHERE tags.kind = 'peer-js'", 2, true);
  assert.deepEqual(found.map((twin) => twin.deviceId), DEVICES);
  const grouped = await rows(
    registry,
    "SELECT tags.even AS even, COUNT() AS n FROM devices WHERE tags.kind = 'peer-js' GROUP BY tags.even",
    100,
    false,
  );
  assert.deepEqual(grouped, [{ even: true, n: 3 }, { even: false, n: 2 }]);
  const query = registry.createQuery('SELECT FROM devices');
  await refused(query.next(), 'ArgumentError', 'what is no query');
}

async function checkMethods() {
  const client = Client.fromConnectionString(READY.hubConnectionString);
  const call = { methodName: 'reboot', payload: { delay: 5 }, responseTimeoutInSeconds: 5, connectTimeoutInSeconds: 1 };
  const error = await refused(client.invokeDeviceMethod(DEVICE, call), 'Error', 'calling a device that is not there');
  assert.equal(JSON.parse(JSON.parse(error.responseBody).Message).errorCode, 404103);
  const long = { ...call, responseTimeoutInSeconds: 301 };
  await refused(client.invokeDeviceMethod(DEVICE, long), 'ArgumentError', 'a time-out that is too long');
}

run(async () => {
  const registry = Registry.fromConnectionString(READY.hubConnectionString);
  const devices = DEVICES.map((deviceId) => ({ deviceId }));
  const made = (await registry.addDevices(devices)).responseBody;
  assert.equal(made.isSuccessful, true);
  await refused(registry.addDevices(devices), 'ArgumentError', 'making devices twice');
  await checkTwin(registry);
  await checkModule(registry);
  await checkQueries(registry);
  await checkMethods();
  const read = (await registry.get(DEVICE)).responseBody;
  const updated = (await registry.updateDevices([{ ...read, status: 'disabled' }], false)).responseBody;
  assert.equal(updated.isSuccessful, true);
  assert.equal((await registry.get(DEVICE)).responseBody.status, 'disabled');
  const removed = (await registry.removeDevices(devices, true)).responseBody;
  assert.equal(removed.isSuccessful, true);
  await refused(registry.getTwin(DEVICE), 'DeviceNotFoundError', 'the twin of a deleted device');
});
