'use strict';
// azure-iothub (npm) imports identities from Azurite and exports them there.

const { BlobServiceClient, ContainerSASPermissions } = require('@azure/storage-blob');
const { Registry } = require('azure-iothub');
const { READY, PATIENCE, assert, run } = require('./hub');

const DEVICES = Array.from({ length: 10 }, (_, n) => `peer-js-import-${n}`);
const key = (n) => Buffer.alloc(32, n).toString('base64');

/** A container that is there, and its address with access to it. */
async function container(storage, name, permissions) {
  const client = storage.getContainerClient(name);
  await client.create();
  const uri = await client.generateSasUrl({
    permissions: ContainerSASPermissions.parse(permissions),
    expiresOn: new Date(Date.now() + 3600e3),
  });
  return { client, uri };
}

/** The job once it is over. */
async function ended(registry, made) {
  const { jobId } = await made;
  for (const began = Date.now(); Date.now() - began < PATIENCE; ) {
    const job = await registry.getJob(jobId);
    if (['completed', 'failed', 'cancelled'].includes(job.status)) return job;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${jobId} did not end`);
}

async function lines(client, name) {
  const text = (await client.getBlobClient(name).downloadToBuffer()).toString();
  return text.split('\r\n').filter((line) => line).map((line) => JSON.parse(line));
}

run(async () => {
  const registry = Registry.fromConnectionString(READY.hubConnectionString);
  const storage = BlobServiceClient.fromConnectionString(process.env.PEERS_STORAGE);
  const input = await container(storage, 'js-input', 'rl');
  const output = await container(storage, 'js-output', 'rwd');

  const file = DEVICES.map((id, n) => JSON.stringify({
    id,
    importMode: 'createOrUpdate',
    status: 'enabled',
    authentication: { symmetricKey: { primaryKey: key(n), secondaryKey: key(n + 100) } },
    tags: { n },
  })).join('\r\n');
  await input.client.getBlockBlobClient('devices.txt').upload(file, Buffer.byteLength(file));
  const imported = await ended(registry, registry.importDevicesFromBlob(input.uri, output.uri));
  assert.equal(imported.status, 'completed', JSON.stringify(imported));
  assert.equal(imported.type, 'import');
  assert.equal(imported.progress, 100);
  assert.deepEqual(await lines(output.client, 'importErrors.log'), []);

  const exported = await ended(registry, registry.exportDevicesToBlob(output.uri, false));
  assert.equal(exported.status, 'completed', JSON.stringify(exported));
  const found = await lines(output.client, 'devices.txt');
  DEVICES.forEach((id, n) => {
    const line = found.find((one) => one.id === id);
    assert.equal(line.authentication.symmetricKey.primaryKey, key(n), id);
    assert.deepEqual(line.tags, { n });
  });

  // The hub opens its own account's containers by who it is.
  const bare = output.uri.split('?')[0];
  const byIdentity = await ended(registry, registry.exportDevicesToBlobByIdentity(bare, true));
  assert.equal(byIdentity.status, 'completed', JSON.stringify(byIdentity));
  const keyless = await lines(output.client, 'devices.txt');
  assert.ok(keyless.length >= DEVICES.length && keyless.every((line) => line.authentication === null));

  const jobs = (await registry.listJobs()).responseBody;
  assert.ok(jobs.some((job) => job.jobId === exported.jobId), JSON.stringify(jobs));
  await registry.cancelJob(exported.jobId);
  await assert.rejects(registry.getJob('none'), (error) => error.response.statusCode === 404);
  // Access that is for reading alone is told before there is a job.
  await assert.rejects(registry.exportDevicesToBlob(input.uri, false), (error) => {
    assert.match(error.responseBody, /BlobContainerValidationError;Unauthorized to write to output blob container/);
    return true;
  });

  const gone = DEVICES.map((deviceId) => ({ deviceId }));
  const removed = await registry.removeDevices(gone, true);
  assert.ok(removed.responseBody.isSuccessful, JSON.stringify(removed.responseBody));
});
