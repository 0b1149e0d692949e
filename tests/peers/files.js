'use strict';
// azure-iot-device (npm) uploads files to Azurite by way of the hub, and azure-iothub hears of them.

const { Readable } = require('node:stream');
const { BlobServiceClient } = require('@azure/storage-blob');
const { Client } = require('azure-iot-device');
const { Amqp } = require('azure-iot-device-amqp');
const { Http } = require('azure-iot-device-http');
const { Client: ServiceClient } = require('azure-iothub');
const { READY, assert, run, within } = require('./hub');

const DEVICE = 'js-files-1';

/** Completes what `receiver` is told of DEVICE; resolves with what it says of a blob. */
function notifications(receiver) {
  const told = new Map();
  let hear = () => {};
  receiver.on('message', (message) => {
    const body = JSON.parse(message.data.toString());
    if (body.deviceId !== DEVICE) return;
    receiver.complete(message, (error) => {
      told.set(body.blobName, error ? Promise.reject(error) : body);
      hear();
    });
  });
  return (blobName) => {
    const heard = new Promise((resolve) => {
      hear = () => told.has(blobName) && resolve(told.get(blobName));
      hear();
    });
    return within(heard, `the notification of ${blobName}`);
  };
}

run(async () => {
  const service = ServiceClient.fromConnectionString(READY.hubConnectionString);
  await service.open();
  const receiver = await new Promise((resolve, reject) => {
    service.getFileNotificationReceiver((error, attached) => (error ? reject(error) : resolve(attached)));
  });
  // From now on: it may come before the device has its answer.
  const notification = notifications(receiver);
  const storage = BlobServiceClient.fromConnectionString(process.env.PEERS_STORAGE);
  const uploads = storage.getContainerClient('uploads');

  for (const [transport, name, size] of [
    [Http, 'logs/a b.txt', 10],
    [Amqp, 'large.bin', 9 * 1024 * 1024],
  ]) {
    const device = Client.fromConnectionString(READY.devices[DEVICE], transport);
    const content = Buffer.alloc(size, name);
    await device.uploadToBlob(name, Readable.from([content]), size);
    const told = await notification(`${DEVICE}/${name}`);
    assert.equal(told.deviceId, DEVICE);
    assert.equal(told.blobSizeInBytes, size);
    const blob = uploads.getBlobClient(`${DEVICE}/${name}`);
    assert.equal(decodeURI(told.blobUri), `${uploads.url}/${DEVICE}/${name}`);
    assert.ok(Math.abs(new Date(told.lastUpdatedTime) - Date.now()) < 60e3, told.lastUpdatedTime);
    assert.ok((await blob.downloadToBuffer()).equals(content), `${name} is another file now`);
    await device.close();
  }

  // Access is for one blob alone, and an upload that failed is nobody's news.
  const device = Client.fromConnectionString(READY.devices[DEVICE], Http);
  const granted = await device.getBlobSharedAccessSignature('own.txt');
  assert.equal(granted.blobName, `${DEVICE}/own.txt`);
  const url = `https://${granted.hostName}/${granted.containerName}/${DEVICE}/other.txt${granted.sasToken}`;
  const put = await fetch(url, { method: 'PUT', headers: { 'x-ms-blob-type': 'BlockBlob' }, body: 'x' });
  assert.equal(put.status, 403);
  await device.notifyBlobUploadStatus(granted.correlationId, false, 403, 'no');
  await assert.rejects(device.notifyBlobUploadStatus(granted.correlationId, true, 200, 'ok'));
  await assert.rejects(device.uploadToBlob('x'.repeat(1100), Readable.from(['x']), 1));
  await service.close();
});
