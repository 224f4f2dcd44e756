// mqtt.js, twice: over WebSocket through bascule, and over TCP straight to the broker. What either publishes, the
// other must get. mqtt.js offers `mqtt` and fails the connection if that does not come back.
//
//   mqtt_client.mjs WS_URL MQTT_URL
import {createHash, randomBytes, randomInt} from 'node:crypto';
import mqtt from 'mqtt';

const [wsUrl, tcpUrl] = process.argv.slice(2);
const bigBytes = 256 * 1024;
const smallCount = 2000;

const digest = payloads => {
  const hash = createHash('sha256');
  for (const payload of payloads) hash.update(`${payload.length} `).update(payload);
  return hash.digest('hex');
};

// Publishes one big and many small messages from one client; the other subscribes. Quality of service 1: the broker
// must not drop any, and keeps their order.
async function oneWay(from, to, topic) {
  const payloads = [randomBytes(bigBytes), ...Array.from({length: smallCount}, () => randomBytes(randomInt(0, 64)))];
  const received = [];
  const all = new Promise((resolve, reject) => {
    to.on('message', (got, payload) => {
      if (got !== topic) return;
      received.push(payload);
      if (received.length === payloads.length) resolve();
    });
    to.once('close', () => reject(new Error(`${topic}: closed after ${received.length} messages`)));
    to.once('error', reject);
  });
  await to.subscribeAsync(topic, {qos: 1});
  await Promise.all([all, ...payloads.map(payload => from.publishAsync(topic, payload, {qos: 1}))]);
  to.removeAllListeners('close');
  return {sent: digest(payloads), received: digest(received)};
}

const options = {reconnectPeriod: 0, connectTimeout: 20_000, protocolVersion: 5};
const browser = await mqtt.connectAsync(wsUrl, options);
const direct = await mqtt.connectAsync(tcpUrl, options);
const fromTheBrowser = await oneWay(browser, direct, 'bascule/up');
const toTheBrowser = await oneWay(direct, browser, 'bascule/down');
await Promise.all([browser.endAsync(), direct.endAsync()]);
console.log(JSON.stringify({from_the_browser: fromTheBrowser, to_the_browser: toTheBrowser}));
