// stompjs as shipped: it offers v12.stomp, v11.stomp and v10.stomp, writes text frames, and keeps up heartbeats.
//
//   stomp_client.mjs WS_URL
import {createHash, randomInt} from 'node:crypto';
import {Client} from '@stomp/stompjs';
import WebSocket from 'ws';

const [url] = process.argv.slice(2);
const heartbeats = 3;  // to see, each way

const randomText = length => Array.from({length}, () => ['a', 'é', '世', '🌉'][randomInt(4)]).join('');
const shortTexts = Array.from({length: 50}, () => randomText(randomInt(200)));
const texts = ['Grüße 世界 🌉', '', randomText(80_000), ...shortTexts];
const digest = list => createHash('sha256').update(JSON.stringify(list)).digest('hex');

const told = {received: [], heartbeats_sent: 0, heartbeats_received: 0};
globalThis.WebSocket = WebSocket;  // as in a browser; Node has one of its own only from version 22 on

await new Promise((resolve, reject) => {
  const finishWhenAllCame = () => {
    const all = told.received.length === texts.length;
    if (all && told.heartbeats_received >= heartbeats && told.heartbeats_sent >= heartbeats) resolve();
  };
  const client = new Client({
    brokerURL: url,
    connectHeaders: {login: 'guest', passcode: 'guest', host: '/'},
    heartbeatIncoming: 500,
    heartbeatOutgoing: 500,
    reconnectDelay: 0,
    debug: line => {
      if (line.includes('<<< PONG')) ++told.heartbeats_received;
      if (line.includes('>>> PING')) ++told.heartbeats_sent;
      finishWhenAllCame();
    },
    onConnect: frame => {
      told.version = frame.headers.version;
      told.subprotocol = client.webSocket.protocol;
      client.subscribe('/queue/bascule', message => {
        told.received.push(message.body);
        finishWhenAllCame();
      });
      for (const body of texts) client.publish({destination: '/queue/bascule', body});
    },
    onStompError: frame => reject(new Error(`the broker says: ${frame.headers.message}`)),
    onWebSocketError: event => reject(new Error(`WebSocket: ${event.message}`)),
    onWebSocketClose: event => reject(new Error(`closed with ${event.code} '${event.reason}'; ${JSON.stringify(
        {...told, received: told.received.length})}`)),
  });
  client.activate();
  told.leave = () => client.deactivate();
}).then(() => told.leave());

console.log(JSON.stringify({...told, sent: digest(texts), received: digest(told.received)}));
