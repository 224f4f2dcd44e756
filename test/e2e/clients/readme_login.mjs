// Logs in on bascule's form, at the address of a page that asks for it.
export async function logIn(page, url, user, password) {
  await page.goto(url);
  await page.fill('input[name=user]', user);
  await page.fill('input[name=password]', password);
  await Promise.all([page.waitForNavigation(), page.click('button')]);
}
