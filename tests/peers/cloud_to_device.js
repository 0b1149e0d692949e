'use strict';
// azure-iothub (npm) sends to a device over AMQP, with and without WebSocket, and hears what became of it;
// azure-iot-device-http receives, completes, rejects and abandons.

const { Client: DeviceClient, Message } = require('azure-iot-device');
const { Http } = require('azure-iot-device-http');
const { AmqpWs, Client, Registry } = require('azure-iothub');
const { READY, assert, run, within } = require('./hub');

const DEVICE = 'js-c2d-1';
const ODD = "AZaz09-:.+%_#*?!(),=@;$'??";

function message(body, ack, id) {
  const made = new Message(body);
  made.ack = ack;
  made.messageId = id;
  made.correlationId = 'because';
  made.properties.add('level', 'high');
  return made;
}

/** A receiver, for which this SDK's promises have no place. */
function receiver(attach, what) {
  const attached = new Promise((resolve, reject) => {
    attach((error, link) => (error ? reject(error) : resolve(link)));
  });
  return within(attached, what);
}

/** Collects what `emitter` emits; `next(count)` resolves with the first `count` that come. */
function collector(emitter, what) {
  const found = [];
  let told = () => {};
  emitter.on('message', (item) => {
    found.push(item);
    told();
  });
  emitter.on('errorReceived', (error) => console.error(`${what}: ${error}`));
  return async (count) => {
    const enough = new Promise((resolve) => {
      told = () => found.length >= count && resolve(found.splice(0, count));
      told();
    });
    return within(enough, `${count} of ${what}`);
  };
}

async function refused(promise, name, what) {
  await assert.rejects(within(promise, what), (error) => {
    assert.equal(error.name, name, `${what}: ${error.name} ${error.message}`);
    return true;
  }, `${what} was not refused`);
}

run(async () => {
  const service = Client.fromConnectionString(READY.hubConnectionString);
  await within(service.open(), 'opening the service client');
  const feedback = await receiver((done) => service.getFeedbackReceiver(done), 'the feedback receiver');
  const heard = collector(feedback, 'feedback');
  const files = await receiver((done) => service.getFileNotificationReceiver(done), 'the receiver of file notifications');
  files.on('message', () => assert.fail('there are no uploads'));

  // Full feedback on a completion after an abandon, on a rejection; none where none is asked for.
  await within(service.send(DEVICE, message('first', 'full', 'm1')), 'sending');
  const device = DeviceClient.fromConnectionString(READY.devices[DEVICE], Http);
  await device.setOptions({ http: { receivePolicy: { interval: 1 } } });
  const received = collector(device, 'messages');
  const [first] = await received(1);
  assert.equal(first.data.toString(), 'first');
  assert.equal(first.messageId, 'm1');
  assert.equal(first.correlationId, 'because');
  assert.equal(first.properties.getValue('iothub-app-level'), 'high');
  await within(device.abandon(first), 'abandon');
  const [again] = await received(1);
  assert.equal(again.messageId, 'm1');
  await within(device.complete(again), 'complete');
  await assert.rejects(within(device.complete(again), 'completing twice'));

  const [batch] = await heard(1);
  assert.equal(batch.contentType, 'application/vnd.microsoft.iothub.feedback.json');
  const [record] = JSON.parse(batch.data.toString());
  assert.equal(record.originalMessageId, 'm1');
  assert.equal(record.statusCode, 'Success');
  assert.equal(record.description, 'Success');
  assert.equal(record.deviceId, DEVICE);
  assert.ok(record.deviceGenerationId && !Number.isNaN(Date.parse(record.enqueuedTimeUtc)));
  await within(service.send(DEVICE, message('second', 'negative', 'm2')), 'sending');
  await within(service.send(DEVICE, message('third', 'none', 'm3')), 'sending');
  await within(service.send(DEVICE, message('fourth', 'positive', 'm4')), 'sending');
  const [second, third, fourth] = await received(3);
  assert.deepEqual([second, third, fourth].map((m) => m.messageId), ['m2', 'm3', 'm4']);
  await within(device.reject(second), 'reject');
  await within(device.complete(third), 'complete');
  await within(device.reject(fourth), 'reject');
  // This SDK accepts feedback on its own account: the first does not come again.
  const [rejected] = await heard(1);
  const records = JSON.parse(rejected.data.toString());
  assert.deepEqual(records.map((r) => [r.originalMessageId, r.statusCode]), [['m2', 'Rejected']]);
  await device.close();

  // An id with everything in it, over WebSocket; then 50 messages, and one too many.
  const socket = Client.fromConnectionString(READY.hubConnectionString, AmqpWs);
  await within(socket.open(), 'opening over WebSocket');
  for (let n = 0; n < 50; n += 1) await within(socket.send(ODD, `message ${n}`), 'sending over WebSocket');
  await refused(socket.send(ODD, 'one too many'), 'DeviceMaximumQueueDepthExceededError', 'a message too many');
  const registry = Registry.fromConnectionString(READY.hubConnectionString);
  assert.equal((await registry.get(ODD)).responseBody.cloudToDeviceMessageCount, 50);
  await refused(socket.send('js-nobody', 'hello?'), 'DeviceNotFoundError', 'a message to nobody');
  await refused(socket.send(DEVICE, 'x'.repeat(65 * 1024)), 'MessageTooLargeError', 'a message too large');
  await within(socket.send(DEVICE, 'still there'), 'sending after a refusal');
  await within(socket.close(), 'closing');

  const registryOnly = READY.policies.registryReadWrite;
  const stranger = Client.fromConnectionString(registryOnly);
  await refused(stranger.send(DEVICE, 'no'), 'UnauthorizedError', 'a policy that may not send');
  await within(service.close(), 'closing');
});
