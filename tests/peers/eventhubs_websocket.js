'use strict';
// @azure/event-hubs (npm, the current one) reads over WebSocket, on HTTPS's port, what a device posts.

const { EventHubConsumerClient, earliestEventPosition } = require('@azure/event-hubs');
const WebSocket = require('ws');
const { READY, assert, collect, post, run } = require('./hub');

const DEVICE = 'js-ws-1';
const LARGE = Buffer.alloc(200000, 7);

/** A WebSocket that keeps count, so that nothing else can have been used. */
let opened = 0;
class Counted extends WebSocket {
  constructor(url, protocols, options) {
    super(url, protocols, options);
    assert.match(url, /^wss:\/\/localhost(:443)?\/\$servicebus\/websocket$/);
    this.on('open', () => {
      assert.equal(this.protocol, 'AMQPWSB10');
      opened += 1;
    });
  }
}

run(async () => {
  await post(DEVICE, '{"temperature": 24.5}', { 'iothub-contenttype': 'application/json' });
  await post(DEVICE, LARGE);
  const options = { webSocketOptions: { webSocket: Counted } };
  const client = new EventHubConsumerClient('$Default', READY.eventHubConnectionString, options);
  const [first, second] = await collect(client, DEVICE, 2, { startPosition: earliestEventPosition });
  assert.deepEqual(first.event.body, { temperature: 24.5 });
  assert.deepEqual(second.event.body, LARGE);
  const hub = await client.getEventHubProperties();
  assert.equal(hub.name, READY.eventHub);
  await client.close();
  assert.ok(opened > 0, 'no WebSocket was opened');
});
