// A page in Chromium that opens a WebSocket and sends it a random message: tells whether the message came back.
//
//   page_echo.mjs PAGE_URL WS_URL
import {withPage} from './browser.mjs';

const [pageUrl, wsUrl] = process.argv.slice(2);

// Runs in the page.
const echo = url => new Promise(resolve => {
  const socket = new WebSocket(url, ['binary']);
  socket.binaryType = 'arraybuffer';
  const sent = crypto.getRandomValues(new Uint8Array(1000));
  socket.onopen = () => socket.send(sent);
  socket.onmessage = ({data}) => {
    resolve({echoed: new Uint8Array(data).every((byte, i) => byte === sent[i]) && data.byteLength === sent.length});
    socket.close(1000);
  };
  socket.onclose = ({code}) => resolve({echoed: false, code});
});

const told = await withPage({width: 400, height: 300}, async (page, complaints) => {
  await page.goto(pageUrl);
  return {...await page.evaluate(echo, wsUrl), origin: await page.evaluate(() => location.origin), complaints};
});
console.log(JSON.stringify(told));
