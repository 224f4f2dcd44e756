// Several mqtt.js clients, as shipped, on a broker that is one of two. They connect again by themselves when it dies.
//
//   mqtt_failover.mjs WS_URL COUNT
//
// Says `connected` when all of them are and each has sent itself a message. Upon a line on standard input, each sends
// itself another one, on whatever broker it has found by then, and all of them leave.
import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import mqtt from 'mqtt';

const [url, count] = process.argv.slice(2);

// Publishes a random message to a topic of its own, until it has come back: what is under way when a broker dies may be
// lost with it.
async function roundTrip(client, topic) {
  const sent = randomBytes(200);
  const back = new Promise(resolve => {
    client.on('message', function listener(_, payload) {
      if (!payload.equals(sent)) return;
      client.off('message', listener);
      resolve();
    });
  });
  const again = setInterval(() => client.publish(topic, sent, {qos: 0}), 200);
  client.publish(topic, sent, {qos: 0});
  await back;
  clearInterval(again);
}

const clients = [];
for (let i = 0; i < Number(count); ++i) {
  // Another client needs another topic: after the change all may be on one broker.
  const topic = `bascule/${i}`;
  const client = await mqtt.connectAsync(url, {reconnectPeriod: 100, connectTimeout: 20_000, protocolVersion: 5});
  client.on('error', () => {});  // it tries again
  await client.subscribeAsync(topic);
  clients.push({client, topic});
}
await Promise.all(clients.map(({client, topic}) => roundTrip(client, topic)));
console.log('connected');
await once(process.stdin, 'data');
process.stdin.destroy();
await Promise.all(clients.map(({client, topic}) => roundTrip(client, topic)));
await Promise.all(clients.map(({client}) => client.endAsync()));
console.log(JSON.stringify({round_trips: 2 * clients.length}));
