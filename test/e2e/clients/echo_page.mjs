// The echo demo's page in Chromium: says something, pushes until enough came back, then waits for bascule to be
// stopped and tells what the page says of it.
//
//   echo_page.mjs PAGE_URL TEXT SCREENSHOT      prints `stop bascule now` when the session is to be ended from outside
import assert from 'node:assert/strict';
import {withPage} from './browser.mjs';

const [url, text, screenshot] = process.argv.slice(2);
const patience = 60_000;
const messages = 5;

const told = await withPage({width: 1100, height: 760}, async (page, complaints) => {
  await page.goto(url);
  await page.waitForSelector('#state[data-state=open]', {timeout: patience});

  for (let i = 0; i < messages; ++i) {
    await page.fill('#text', `${text} ${i}`);
    await page.press('#text', 'Enter');
  }
  await page.waitForFunction(count => document.querySelectorAll('#log li').length === count, messages,
                             {timeout: patience});
  const lines = await page.$$eval('#log q', all => all.map(line => line.textContent));
  assert.deepEqual(lines, Array.from({length: messages}, (_, i) => `${text} ${i}`));
  assert.match(await page.textContent('#rtt-median'), /^[\d.]+ ms$/);

  await page.click('#run', {timeout: patience});
  // The figures are written a few times a second; ten of them, in megabytes, make a picture.
  await page.waitForFunction(() => {
    const text = document.querySelector('#rate-bytes').textContent;
    window.figures = (window.figures ?? new Set()).add(text);
    return /^\d[\d.]* [MG]B$/.test(text) && window.figures.size >= 10;
  }, null, {timeout: patience});
  await page.click('#run', {timeout: patience});
  await page.waitForSelector('#verdict[data-verdict=good]', {timeout: patience});
  const verdict = await page.textContent('#verdict');
  const mean = await page.textContent('#rate-mean');
  const ink = await page.$eval('#plot', canvas => {
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
  assert.ok(ink > 3, 'the plot shows axes and a line');
  await page.screenshot({path: screenshot});

  console.log('stop bascule now');
  await page.waitForSelector('#state[data-state=failed]', {timeout: patience});
  return {verdict, mean, farewell: await page.textContent('#state'), complaints};
});
console.log(JSON.stringify(told));
