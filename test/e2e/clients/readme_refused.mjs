// What a page sees of a no, and of an end, in Chromium.
//
//   readme_refused.mjs OPEN_URL BEFORE_MODULE LOGIN_URL USER PASSWORD VISIT...
//
// At first README's question before connecting, BEFORE_MODULE, asked on OPEN_URL by somebody who has not logged in and
// after the visits by somebody who has. A visit is JSON: {"page", "url", "mint"}; a POST to `mint` gives its token.
import {withPage} from './browser.mjs';
import {logIn} from './readme_login.mjs';

const [openUrl, before, loginUrl, user, password, ...visits] = process.argv.slice(2);

// Runs in the page.
const closed = async ({url, mint}) => {
  const protocols = ['binary'];
  if (mint) {
    const token = await (await fetch(mint, {method: 'POST'})).text();
    protocols.push(`bearer.${btoa(token).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`);
  }
  return new Promise(resolve => {
    const socket = new WebSocket(url, protocols);
    let opened = false;
    socket.onopen = () => { opened = true; };
    socket.onclose = ({code, reason}) => resolve({opened, code, reason});
  });
};

const told = await withPage({width: 700, height: 500}, async (page, complaints) => {
  page.setDefaultTimeout(30_000);
  await page.goto(openUrl);
  await Promise.all([page.waitForNavigation(), page.evaluate(module => void import(module), before)]);
  const stranger = {url: page.url(), forms: await page.locator('input[name=password]').count()};
  const ends = [];
  for (const visit of visits.map(JSON.parse)) {
    await page.goto(visit.page);
    ends.push(await page.evaluate(closed, visit));
  }
  await logIn(page, loginUrl, user, password);
  await page.goto(openUrl);
  const known = await page.evaluate(async module => (await import(module)).status, before);
  return {stranger, ends, known, complaints};
});
console.log(JSON.stringify(told));
