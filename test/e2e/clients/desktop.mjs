// A page with a desktop in it, in Chromium: waits for the desktop's colour on the canvas, types a line into the
// terminal at its top left, and waits for the file that the line creates.
//
//   desktop.mjs PAGE_URL CANVAS COLOUR LINE FILE SCREENSHOT [USER PASSWORD]     CANVAS: a selector; COLOUR: rrggbb
//
// With a user it logs in first, on the page that stands in front.
import {existsSync} from 'node:fs';
import {setTimeout as pause} from 'node:timers/promises';
import {withPage} from './browser.mjs';

const [url, canvasIs, colour, line, file, screenshot, user, password] = process.argv.slice(2);
const patience = 60_000;

// Runs in the page. The colour of the canvas near its lower right corner, where nothing covers the desktop's
// background; null if another one is wanted.
const cornerColour = ([canvasIs, wanted]) => {
  const canvas = document.querySelector(canvasIs);
  if (!canvas || canvas.width < 400) return null;
  const [red, green, blue] = canvas.getContext('2d').getImageData(canvas.width - 20, canvas.height - 20, 1, 1).data;
  const colour = [red, green, blue].map(part => part.toString(16).padStart(2, '0')).join('');
  return !wanted || colour === wanted ? colour : null;
};

// Clicks on the terminal and types, as a person does, with Shift held: a client that sends keys, not characters, makes
// '-' of '_' without.
const type = async (page, text) => {
  await page.mouse.click(...await page.evaluate(canvasIs => {
    const {x, y} = document.querySelector(canvasIs).getBoundingClientRect();
    return [x + 60, y + 60];
  }, canvasIs));
  for (const character of text) {
    const shifted = /[A-Z~!@#$%^&*()_+{}|:"<>?]/.test(character);
    if (shifted) await page.keyboard.down('Shift');
    await page.keyboard.type(character, {delay: 5});
    if (shifted) await page.keyboard.up('Shift');
  }
};

const told = await withPage({width: 1000, height: 700}, async (page, complaints) => {
  await page.goto(url);
  if (user) {
    await page.fill('input[name=user]', user);
    await page.fill('input[name=password]', password);
    await Promise.all([page.waitForNavigation(), page.click('button')]);
  }
  await page.waitForFunction(cornerColour, [canvasIs, colour], {timeout: patience}).catch(async error => {
    const seen = await page.evaluate(cornerColour, [canvasIs]);
    await page.screenshot({path: screenshot});
    throw new Error(`the corner shows ${seen}, not ${colour}; ${complaints.join('; ')} (${error.message})`);
  });
  // A client draws before its channel for the mouse and the keyboard is open, and loses what is typed until then: a
  // person types once more.
  const deadline = Date.now() + patience;
  do {
    if (Date.now() > deadline) {
      await page.screenshot({path: screenshot});
      throw new Error(`typed the line, and no file came; ${complaints.join('; ')} (see ${screenshot})`);
    }
    await type(page, `${line}\n`);
    for (const look = Date.now() + 5_000; !existsSync(file) && Date.now() < look;) await pause(50);
  } while (!existsSync(file));
  await page.screenshot({path: screenshot});
  return {colour: await page.evaluate(cornerColour, [canvasIs]), url: page.url(), complaints};
});
console.log(JSON.stringify(told));
