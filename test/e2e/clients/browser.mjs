// A Chromium of Debian's, headless, with a new profile, and what it complained of.
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {chromium} from 'playwright-core';

// Nothing that looks beyond the page: no update, no sync, no QUIC.
const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
               '--disable-component-update', '--disable-sync'];

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
      ignoreHTTPSErrors: true,  // certificates that a case has made for itself
      args: quiet,
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
