// README's ways to connect, in Chromium: each of them is a module, run on a page of its own, and tells what came back
// of its `socket`.
//
//   readme_ways.mjs LOGIN_URL USER PASSWORD WAY...     a way is JSON: {"page", "module"}
//
// Those before the last come without a cookie; then somebody logs in, and the last has it.
import {withPage} from './browser.mjs';
import {logIn} from './readme_login.mjs';

const [loginUrl, user, password, ...ways] = process.argv.slice(2);

// Runs in the page: what was agreed on, and whether a message came back; else how it closed.
const echo = async module => {
  const {socket} = await import(module);
  socket.binaryType = 'arraybuffer';
  const sent = crypto.getRandomValues(new Uint8Array(100));
  return new Promise(resolve => {
    socket.onopen = () => socket.send(sent);
    socket.onmessage = ({data}) => {
      resolve({subprotocol: socket.protocol, echoed: String(new Uint8Array(data)) === String(sent)});
      socket.close();
    };
    socket.onclose = ({code, reason}) => resolve({code, reason});
  });
};

const told = await withPage({width: 700, height: 500}, async (page, complaints) => {
  page.setDefaultTimeout(30_000);
  const came = [];
  for (const [i, way] of ways.map(JSON.parse).entries()) {
    if (i === ways.length - 1) await logIn(page, loginUrl, user, password);
    await page.goto(way.page);
    came.push(await page.evaluate(echo, way.module));
  }
  return {came, complaints};
});
console.log(JSON.stringify(told));
