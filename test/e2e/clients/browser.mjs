// A Chromium of Debian's, headless, with a new profile, and what it complained of. Of the environment it takes
//
//   BROWSER_HOME     a home folder: only authorities are trusted that its list has, as in anybody's browser. Without
//                    it any certificate will do, such as those that a case has made for itself
//   BROWSER_HOSTS    "MAP desk.example.org:443 127.0.0.1:30443, ...": where names lead, as if by DNS
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {chromium} from 'playwright-core';

// Nothing that looks beyond the page: no update, no sync, no QUIC.
const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
               '--disable-component-update', '--disable-sync'];

const {BROWSER_HOME: home, BROWSER_HOSTS: hosts} = process.env;

// Calls `visit(page, complaints)` with a fresh page. `complaints` gathers script errors and refusals of the content
// security policy; a page that was served right has none.
export async function withPage(viewport, visit) {
  const profile = await mkdtemp(join(tmpdir(), 'bascule-e2e-chromium-'));
  let context;
  try {
    context = await chromium.launchPersistentContext(profile, {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      headless: true,
      chromiumSandbox: false,  // as root it has none
      ignoreHTTPSErrors: !home,
      env: home ? {...process.env, HOME: home} : process.env,
      args: hosts ? [...quiet, `--host-resolver-rules=${hosts}`] : quiet,
      viewport,
    });
    const page = context.pages()[0] ?? await context.newPage();
    const complaints = [];
    page.on('pageerror', error => complaints.push(`script error: ${error.message}`));
    page.on('console', message => {
      if (message.type() === 'error' && /Content Security Policy|MIME type/.test(message.text())) {
        complaints.push(message.text());
      }
    });
    return await visit(page, complaints);
  } finally {
    await context?.close();
    await rm(profile, {recursive: true, force: true, maxRetries: 5});
  }
}
