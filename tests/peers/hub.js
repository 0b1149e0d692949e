'use strict';
// What every JavaScript peer is given: the running emulator, and a device that posts to it with no SDK at all.

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const https = require('node:https');

/** The emulator's ready line: ports, CA file and connection strings. */
const READY = JSON.parse(fs.readFileSync(process.env.PEERS_READY, 'utf8'));

/** Milliseconds to wait for what must come. */
const PATIENCE = 20000;

/** Host, device id and a token signed with the device's own key, from a device's connection string. */
function deviceToken(connectionString) {
  const fields = new Map(connectionString.split(';').map((part) => part.split(/=(.*)/s, 2)));
  const host = fields.get('HostName');
  const device = fields.get('DeviceId');
  const resource = encodeURIComponent(`${host}/devices/${device}`);
  const expiry = Math.floor(Date.now() / 1000) + 300;
  const key = Buffer.from(fields.get('SharedAccessKey'), 'base64');
  const signature = crypto.createHmac('sha256', key).update(`${resource}\n${expiry}`).digest('base64');
  const token = `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}`;
  return { host, device, token };
}

/** Posts one device-to-cloud message the way a board does; it must be taken with 204 and no body. */
function post(name, body, headers = {}) {
  const { host, device, token } = deviceToken(READY.devices[name]);
  const url = `https://${host}/devices/${encodeURIComponent(device)}/messages/events?api-version=2021-04-12`;
  const options = { method: 'POST', headers: { Authorization: token, ...headers } };
  return new Promise((resolve, reject) => {
    const request = https.request(url, options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 204 && text === '') resolve();
        else reject(new Error(`a message of ${name} was answered with ${response.statusCode} ${text}`));
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Rejects when `promise` has not settled within PATIENCE. */
function within(promise, what) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${PATIENCE} ms`)), PATIENCE);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

/** Resolves with the first `count` events of `device` that an EventHubConsumerClient sees, as {partition, event}. */
function collect(client, device, count, options) {
  const found = [];
  let subscription;
  const enough = new Promise((resolve, reject) => {
    subscription = client.subscribe(
      {
        processEvents: async (events, context) => {
          for (const event of events) {
            if (event.systemProperties['iothub-connection-device-id'] === device) {
              found.push({ partition: context.partitionId, event });
            }
          }
          if (found.length >= count) resolve(found);
        },
        processError: async (error) => reject(error),
      },
      { maxWaitTimeInSeconds: 1, ...options },
    );
  });
  return within(enough, `${count} events of ${device}`).finally(() => subscription.close());
}

/** Runs a peer: ends with 0 when it resolves, and says why when it does not. */
function run(peer) {
  peer().then(
    () => process.exit(0),
    (error) => {
      console.error(`FAILED: ${error.stack || error}`);
      process.exit(1);
    },
  );
}

module.exports = { READY, PATIENCE, assert, collect, post, run, within };
