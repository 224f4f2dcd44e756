// Node's ws as a client of bascule.
//
//   ws_client.mjs stream URL      random bytes; they come back in order, cut anyhow
//   ws_client.mjs messages URL    random messages; each comes back as it was
import assert from 'node:assert/strict';
import {createHash, randomBytes, randomInt} from 'node:crypto';
import {once} from 'node:events';
import WebSocket from 'ws';

const streamBytes = 16 * 1024 * 1024;
const messageCount = 400;
const [mode, url] = process.argv.slice(2);

// Most messages small, some big, and the lengths at which a frame's header changes its form.
function randomSize() {
  const sizes = [0, 1, 125, 126, 127, 65535, 65536, randomInt(1, 200), randomInt(1, 300_000)];
  return sizes[randomInt(sizes.length)];
}

// Resolves when the socket has handed the message to the system: what is in flight stays bounded.
function send(socket, data, options) {
  return new Promise((resolve, reject) => socket.send(data, options, error => (error ? reject(error) : resolve())));
}

async function sendPerhapsInFragments(socket, data, binary) {
  if (randomInt(2)) return send(socket, data, {binary});
  const cut = randomInt(data.length + 1);
  await send(socket, data.subarray(0, cut), {binary, fin: false});
  await send(socket, data.subarray(cut), {binary, fin: true});
}

async function stream(socket) {
  const sent = createHash('sha256');
  const received = createHash('sha256');
  let count = 0;
  const all = new Promise((resolve, reject) => {
    socket.on('message', (data, isBinary) => {
      if (!isBinary) reject(new Error('a route that takes binary only answered with text'));
      received.update(data);
      count += data.length;
      if (count >= streamBytes) resolve();
    });
    socket.on('close', code => reject(new Error(`closed with ${code} after ${count} bytes`)));
  });
  const sendAll = async () => {
    for (let left = streamBytes; left > 0;) {
      const data = randomBytes(Math.min(left, randomSize()));
      sent.update(data);
      await sendPerhapsInFragments(socket, data, true);
      left -= data.length;
    }
  };
  await Promise.all([all, sendAll()]);
  return {sent: sent.digest('hex'), received: received.digest('hex'), bytes: count};
}

function randomMessage() {
  const size = randomSize();
  if (randomInt(2)) return {binary: true, data: randomBytes(size)};
  const letters = Array.from({length: size >> 2}, () => ['a', 'é', '世', '🌉'][randomInt(4)]);
  return {binary: false, data: Buffer.from(letters.join(''))};
}

async function messages(socket) {
  const all = Array.from({length: messageCount}, randomMessage);
  const digest = list => {
    const hash = createHash('sha256');
    for (const {binary, data} of list) hash.update(`${binary} ${data.length} `).update(data);
    return hash.digest('hex');
  };
  const received = [];
  const done = new Promise((resolve, reject) => {
    socket.on('message', (data, binary) => {
      received.push({binary, data});
      if (received.length === all.length) resolve();
    });
    socket.on('close', code => reject(new Error(`closed with ${code} after ${received.length} messages`)));
  });
  const sendAll = async () => {
    for (const {binary, data} of all) await sendPerhapsInFragments(socket, data, binary);
  };
  await Promise.all([done, sendAll()]);
  return {sent: digest(all), received: digest(received)};
}

const socket = new WebSocket(url, ['binary'], {perMessageDeflate: false});
await once(socket, 'open');
const told = await {stream, messages}[mode](socket);
socket.removeAllListeners('close');
socket.close(1000);
const [code] = await once(socket, 'close');
assert.equal(code, 1000, 'the close code that comes back');
console.log(JSON.stringify({...told, subprotocol: socket.protocol}));
