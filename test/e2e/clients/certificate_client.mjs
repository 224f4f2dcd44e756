// Node's ws as a machine that may have a certificate: connects, takes the service's first words, and leaves.
//
//   certificate_client.mjs URL CA [CERTIFICATE KEY]      every name leads to 127.0.0.1
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import WebSocket from 'ws';

const [url, ca, certificate, key] = process.argv.slice(2);
const {origin} = new URL(url.replace(/^ws/, 'http'));
const socket = new WebSocket(url, ['binary'], {
  origin,
  ca: readFileSync(ca),
  ...certificate && {cert: readFileSync(certificate), key: readFileSync(key)},
  lookup: (name, {all}, done) => (all ? done(null, [{address: '127.0.0.1', family: 4}]) : done(null, '127.0.0.1', 4)),
});

const told = await new Promise(resolve => {
  socket.on('message', data => resolve({status: 101, heard: data.toString()}));
  socket.on('unexpected-response', (_, {statusCode}) => resolve({status: statusCode}));
  socket.on('error', ({code, message}) => resolve({failed: code ?? message}));
});
if (socket.readyState === WebSocket.OPEN) {
  socket.close(1000);
  await once(socket, 'close');
} else {
  socket.terminate();
}
console.log(JSON.stringify(told));
