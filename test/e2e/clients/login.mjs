// A person in Chromium who logs in: wrong at first, then right; then the page's WebSocket, and one of another page.
//
//   login.mjs PAGE_URL OPEN_PAGE_URL WS_URL FOREIGN_PAGE_URL USER PASSWORD SCREENSHOT
//
// The page of the login itself may open no WebSocket, so the first attempt is made from the open page of its origin.
import {withPage} from './browser.mjs';

const [pageUrl, openUrl, wsUrl, foreignUrl, user, password, screenshot] = process.argv.slice(2);

// Runs in the page: 'echo' when a message came back, else the close code.
const echo = url => new Promise(resolve => {
  const socket = new WebSocket(url, ['binary']);
  socket.onopen = () => socket.send('hello');
  socket.onmessage = () => {
    resolve('echo');
    socket.close(1000);
  };
  socket.onclose = ({code}) => resolve(code);
});

const told = await withPage({width: 700, height: 500}, async (page, complaints) => {
  const logIn = async secret => {
    await page.fill('input[name=user]', user);
    await page.fill('input[name=password]', secret);
    const [answer] = await Promise.all([page.waitForNavigation(), page.click('button')]);
    return answer.status();
  };
  page.setDefaultTimeout(30_000);
  await page.goto(openUrl);
  const refused = await page.evaluate(echo, wsUrl);
  const first = await page.goto(pageUrl);
  const before = {status: first.status(), echo: refused};
  const wrong = {status: await logIn(`${password}!`), alert: await page.textContent('[role=alert]')};
  await page.screenshot({path: screenshot});
  const right = {status: await logIn(password), url: page.url()};
  const cookies = (await page.context().cookies()).map(
      ({name, httpOnly, secure, sameSite}) => ({name, httpOnly, secure, sameSite}));
  const script = await page.evaluate(() => document.cookie);
  const after = {body: await page.textContent('body'), echo: await page.evaluate(echo, wsUrl)};
  await page.goto(foreignUrl);
  const foreign = {origin: await page.evaluate(() => location.origin), echo: await page.evaluate(echo, wsUrl)};
  return {before, wrong, right, cookies, script, after, foreign, complaints};
});
console.log(JSON.stringify(told));
