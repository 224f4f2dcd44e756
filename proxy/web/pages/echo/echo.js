// The echo page: what is typed goes out as text and is timed, the throughput test sends binary messages and compares
// every byte that comes back. One WebSocket carries both; the `echo:` target keeps their order and their kind.

const page = id => document.getElementById(id);

// --- what a close code means, for people (RFC 6455, section 7.4.1) --------------------------------------------------

const closeReasons = {
  1000: 'closed in good order',
  1001: 'bascule is stopping',
  1002: 'a frame broke the WebSocket protocol',
  1003: 'the route does not take this kind of message',
  1005: 'closed without a reason',
  1006: 'the connection was lost, or never came about: is bascule running?',
  1007: 'a text was not valid UTF-8',
  1008: 'the rules ended the session',
  1009: 'a message was too big',
  1011: 'the service failed',
  1012: 'the service restarts',
  1013: 'too busy, try later',
};

function closeText({code, reason}) {
  const meaning = closeReasons[code] ?? 'closed';
  return reason ? `${code}: ${meaning} (“${reason}”)` : `${code}: ${meaning}`;
}

// --- the connection --------------------------------------------------------------------------------------------------

let socket = null;

function connect() {
  const url = new URL('/echo', location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  show('closed', 'connecting …');
  socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('open', () => show('open', `connected to ${url.host}`));
  socket.addEventListener('message', ({data}) => {
    if (typeof data === 'string') heard(data); else test.take(new Uint8Array(data));
  });
  socket.addEventListener('close', event => {
    show(event.code === 1000 ? 'closed' : 'failed', closeText(event));
    if (waiting.length) note(`${waiting.length} not answered: the connection closed`, 'bad');
    waiting.length = 0;
    test.end('the connection closed');
  });
}

function show(state, text) {
  const open = state === 'open';
  page('state').dataset.state = state;
  page('state').textContent = text;
  page('connect').hidden = open || socket?.readyState === WebSocket.CONNECTING;
  page('send').disabled = page('run').disabled = !open;
}

// --- texts, and how long they take -----------------------------------------------------------------------------------

const waiting = [];     // sent and not yet back, oldest first
const roundTrips = [];  // in milliseconds
const logLinesMax = 200;

function say(text) {
  waiting.push({text, since: performance.now()});
  socket.send(text);
}

function heard(text) {
  const sent = waiting.shift();
  if (!sent || sent.text !== text) {
    note(`something else came back: ${text.slice(0, 80)}`, 'bad');
    return;
  }
  const took = performance.now() - sent.since;
  roundTrips.push(took);
  addLine(text, '', milliseconds(took));
  page('rtt-last').textContent = milliseconds(took);
  page('rtt-median').textContent = milliseconds(median(roundTrips));
  page('rtt-count').textContent = String(roundTrips.length);
}

const note = (text, kind = '') => addLine(text, `note ${kind}`);

function addLine(text, kind, after = '') {
  const line = document.createElement('li');
  const words = document.createElement('q');
  words.textContent = text;
  words.className = kind;
  const time = document.createElement('time');
  time.textContent = after;
  line.append(words, time);
  const log = page('log');
  log.append(line);
  while (log.children.length > logLinesMax) log.firstChild.remove();
  log.scrollTop = log.scrollHeight;
}

function median(values) {
  const sorted = values.toSorted ? values.toSorted((a, b) => a - b) : [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const milliseconds = value => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;

// --- throughput ------------------------------------------------------------------------------------------------------

// What is sent is one endless stream: these random bytes again and again. Its length is prime, so no message size
// falls into step with it, and a message lost, doubled or out of order shows at once.
const periodBytes = 65521;
const messageBytesMax = 1 << 20;
const pattern = new Uint8Array(periodBytes + messageBytesMax);
crypto.getRandomValues(pattern.subarray(0, periodBytes));
for (let at = periodBytes; at < pattern.length; at += periodBytes) {
  pattern.set(pattern.subarray(0, Math.min(periodBytes, pattern.length - at)), at);
}

const windowSeconds = 0.25;  // one point of the plot
const plotSeconds = 30;
const breathEveryMs = 50;
const flightBytesMax = 16 << 20;

const test = {
  running: false,  // sends new messages; after that it still waits for those on their way
  sent: 0,
  back: 0,
  messageBytes: 0,
  flightBytes: 0,
  since: 0,
  last: 0,  // when the newest bytes came back
  breathed: 0,
  windowSince: 0,
  windowBytes: 0,
  rates: [],  // bytes per second, one a window

  start(messageBytes, messages) {
    const now = performance.now();
    const flightBytes = Math.min(messageBytes * messages, flightBytesMax);
    Object.assign(this, {running: true, sent: 0, back: 0, messageBytes, flightBytes, breathed: now});
    Object.assign(this, {since: now, last: now, windowSince: now, windowBytes: 0, rates: []});
    page('run').textContent = 'Stop';
    verdict('Running: every byte that comes back is compared.', '');
    this.fill();
    requestAnimationFrame(() => this.tick());
  },

  // At most `flightBytes` are on their way, so neither the browser nor bascule has to hold more. Now and then all of
  // them come back before more go out, and the page, which is busy comparing, gets to draw and to hear the Stop button.
  fill() {
    const now = performance.now();
    if (now - this.breathed > breathEveryMs) {
      if (this.running && this.back === this.sent) {
        this.breathed = now;
        setTimeout(() => this.fill());
      }
      return;
    }
    while (this.running && this.sent - this.back < this.flightBytes && socket.readyState === WebSocket.OPEN) {
      const at = this.sent % periodBytes;
      socket.send(pattern.subarray(at, at + this.messageBytes));
      this.sent += this.messageBytes;
    }
  },

  take(data) {
    for (let done = 0; done < data.length;) {
      const at = this.back % periodBytes;
      const count = Math.min(data.length - done, messageBytesMax);
      for (let i = 0; i < count; ++i) {
        if (this.back + i >= this.sent) return this.fail('More came back than was sent.');
        if (data[done + i] !== pattern[at + i]) return this.fail(`Byte ${this.back + i} came back changed.`);
      }
      done += count;
      this.back += count;
      this.windowBytes += count;
    }
    this.last = performance.now();
    this.fill();
    if (!this.running && this.back === this.sent) this.report();
  },

  stop() {
    this.running = false;
    page('run').textContent = 'Start';
    if (this.back === this.sent) this.report();
  },

  fail(why) {
    this.running = false;
    page('run').textContent = 'Start';
    verdict(why, 'bad');
    socket.close(1000, 'the echo was wrong');
  },

  end(why) {
    if (this.running || this.back < this.sent) {
      this.running = false;
      page('run').textContent = 'Start';
      verdict(`Stopped after ${bytes(this.back)}: ${why}; ${bytes(this.sent - this.back)} did not come back.`, 'bad');
      this.sent = this.back;
    }
  },

  meanRate() {
    return this.back / Math.max((this.last - this.since) / 1000, 1e-3);
  },

  report() {
    verdict(`All ${bytes(this.back)} came back as sent.`, 'good');
    this.figures();
    page('plot').setAttribute('aria-label', `Throughput over time: ${rate(this.meanRate())} on average`);
  },

  figures() {
    page('rate-now').textContent = this.rates.length ? rate(this.rates.at(-1)) : '–';
    page('rate-mean').textContent = rate(this.meanRate());
    page('rate-bytes').textContent = bytes(this.back);
  },

  tick() {
    const now = performance.now();
    const seconds = (now - this.windowSince) / 1000;
    if (seconds >= windowSeconds) {
      this.rates.push(this.windowBytes / seconds);
      if (this.rates.length > plotSeconds / windowSeconds) this.rates.shift();
      this.windowSince = now;
      this.windowBytes = 0;
      this.figures();
      draw(this.rates);
    }
    if (this.running) requestAnimationFrame(() => this.tick());
  },
};

function verdict(text, kind) {
  page('verdict').textContent = text;
  page('verdict').dataset.verdict = kind;
}

function withUnit(value, units) {
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    ++unit;
  }
  return `${value < 10 && unit ? value.toFixed(2) : value.toFixed(0)} ${units[unit]}`;
}

const bytes = value => withUnit(value, ['B', 'kB', 'MB', 'GB', 'TB']);
const rate = value => withUnit(value, ['B/s', 'kB/s', 'MB/s', 'GB/s']);

// --- the plot --------------------------------------------------------------------------------------------------------

function draw(rates) {
  const canvas = page('plot');
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const styles = getComputedStyle(document.documentElement);
  const colour = name => styles.getPropertyValue(name).trim();
  const pen = canvas.getContext('2d');
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);

  const left = 76, right = width - 12, top = 14, bottom = height - 26;
  const {step, top: highest} = niceScale(Math.max(1, ...rates));
  const y = value => bottom - (bottom - top) * value / highest;
  const points = plotSeconds / windowSeconds;
  const x = index => right - (right - left) * (rates.length - 1 - index) / (points - 1);

  pen.font = '12px system-ui, sans-serif';
  pen.lineWidth = 1;
  pen.strokeStyle = colour('--rule');
  pen.fillStyle = colour('--soft');
  pen.textAlign = 'right';
  pen.textBaseline = 'middle';
  for (let value = 0; value <= highest * 1.001; value += step) {
    const line = Math.round(y(value)) + 0.5;
    pen.beginPath();
    pen.moveTo(left, line);
    pen.lineTo(right, line);
    pen.stroke();
    pen.fillText(rate(value), left - 8, line);
  }
  pen.textBaseline = 'top';
  for (let seconds = 0; seconds <= plotSeconds; seconds += 10) {
    pen.textAlign = seconds === 0 ? 'right' : 'center';
    const across = right - (right - left) * seconds / plotSeconds;
    pen.fillText(seconds === 0 ? 'now' : `${seconds} s ago`, across, bottom + 8);
  }

  if (rates.length === 0) return;
  pen.beginPath();
  pen.moveTo(x(0), bottom);
  rates.forEach((value, index) => pen.lineTo(x(index), y(value)));
  pen.lineTo(x(rates.length - 1), bottom);
  pen.closePath();
  pen.globalAlpha = 0.18;
  pen.fillStyle = colour('--beam');
  pen.fill();
  pen.globalAlpha = 1;
  pen.beginPath();
  rates.forEach((value, index) => (index ? pen.lineTo(x(index), y(value)) : pen.moveTo(x(index), y(value))));
  pen.lineWidth = 2;
  pen.lineJoin = 'round';
  pen.strokeStyle = colour('--beam');
  pen.stroke();
}

// Three to five lines at 1, 2 or 5 times a power of ten, the highest above every value.
function niceScale(value) {
  const rough = value / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find(factor => factor * power >= rough) * power;
  return {step, top: step * Math.max(1, Math.ceil(value / step))};
}

// --- the page --------------------------------------------------------------------------------------------------------

page('connect').addEventListener('click', connect);

page('say').addEventListener('submit', event => {
  event.preventDefault();
  if (socket?.readyState !== WebSocket.OPEN) return;
  say(page('text').value);
  page('text').value = '';
  page('text').focus();
});

page('push').addEventListener('submit', event => {
  event.preventDefault();
  if (test.running) {
    test.stop();
  } else if (socket?.readyState === WebSocket.OPEN && test.back === test.sent) {
    test.start(Number(page('size').value), Number(page('flight').value));
  }
});

new ResizeObserver(() => draw(test.rates)).observe(page('plot'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => draw(test.rates));
connect();
