// README's hook in a page of React's, in Chromium. The page shows what the hook tells and what was received, and has
// buttons; this is who presses them.
//
//   readme_react.mjs LOGIN_URL USER PASSWORD PAGE_URL BRIEF_PATH
//
// By each way: opens, sends, connects anew, sends, leaves. Those but the last come without a cookie. Between them a
// session whose token is over soon, thanks to a POST to BRIEF_PATH: the hook tells its end, and connects once more.
import {withPage} from './browser.mjs';
import {logIn} from './readme_login.mjs';

const [loginUrl, user, password, pageUrl, briefPath] = process.argv.slice(2);

const told = await withPage({width: 700, height: 500}, async (page, complaints) => {
  page.setDefaultTimeout(30_000);
  const shows = (selector, beginning) => page.waitForFunction(
      ([selector, beginning]) => document.querySelector(selector)?.textContent.startsWith(beginning),
      [selector, beginning]);
  const sendAndHear = async text => {
    await shows('#told', 'open');
    await page.fill('#text', text);
    await page.click('#send');
    await shows('#heard', text);
  };
  const comeAndLeave = async way => {
    await page.goto(`${pageUrl}?way=${way}`);
    await sendAndHear(`${way}, at first`);
    await page.click('#reconnect');
    await sendAndHear(`${way}, again`);
    await page.click('#leave');
    await page.waitForSelector('#told', {state: 'detached'});
    // Both of them, although the page stays.
    await page.waitForFunction(() => sockets.length === 2 && sockets.every(socket => socket.readyState === 3));
  };

  await page.addInitScript(() => {
    window.sockets = [];
    window.WebSocket = class extends WebSocket {
      constructor(...words) {
        super(...words);
        sockets.push(this);
      }
    };
  });

  await comeAndLeave('ticket');
  await comeAndLeave('jwt');

  await page.goto(`${pageUrl}?way=jwt`);
  await sendAndHear('while it holds');
  await page.evaluate(path => fetch(path, {method: 'POST'}), briefPath);
  await page.click('#reconnect');
  await shows('#told', 'closed');
  const end = await page.textContent('#told');
  await page.click('#reconnect');
  await sendAndHear('with a new one');

  await logIn(page, loginUrl, user, password);
  await comeAndLeave('login');
  return {end, complaints};
});
console.log(JSON.stringify(told));
