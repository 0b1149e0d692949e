// The emulator's page. Whatever comes from a device or a twin is put there as text, never as markup.

const MOST_EVENTS = 500;
const LONG_AGO = '0001-01-01T00:00:00';

const at = (id) => document.getElementById(id);

/** An element with a class and a text. */
function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Asks the emulator. Resolves with what it answers, as {status, value}. */
async function ask(path, body) {
  const request = { credentials: 'same-origin', cache: 'no-store', redirect: 'error' };
  if (body !== undefined) {
    request.method = 'POST';
    request.headers = { 'Content-Type': 'application/json', 'X-Hubctl-Ui': '1' };
    request.body = JSON.stringify(body);
  }
  const response = await fetch(path, request);
  const text = await response.text();
  return { status: response.status, value: text === '' ? {} : JSON.parse(text) };
}

function say(place, text, kind = '') {
  place.className = `said ${kind}`;
  place.textContent = text;
}

// ---- the door ----

function openDoor(form) {
  const said = at('login-said');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = form.querySelector('button');
    button.disabled = true;
    try {
      const { status, value } = await ask('/ui/login', { key: at('key').value });
      if (status === 204) {
        location.replace('/ui');
        return;
      }
      say(said, value.message ?? `The emulator answered ${status}.`, 'bad');
    } catch {
      say(said, 'The emulator does not answer.', 'bad');
    }
    button.disabled = false;
    at('key').select();
  });
}

// ---- the page ----

const devices = new Map();
let order = [];
let rows = new Map();
let chosen = null;
let totals = { total: 0, connected: 0 };
const waiting = [];
let isPaused = false;
let missed = 0;
let seen = 0;
let isDrawn = true;
// board-2 stands before board-10.
const byNumber = new Intl.Collator('en', { numeric: true });

/** A session that is over, or an emulator that is: what is shown is no longer true. */
async function lost() {
  const link = at('link');
  link.className = 'state off';
  link.textContent = 'disconnected';
  let text = 'The emulator does not answer. When it runs again, open the link that it prints.';
  try {
    const { status } = await ask('/ui/session');
    text = status === 401
      ? 'The session has ended. Load the page again and enter a key.'
      : 'The emulator sends no events here: too many pages may be open. Load the page again.';
  } catch {
    // It does not answer, as said.
  }
  at('trouble').textContent = text;
  at('trouble').hidden = false;
}

function listen() {
  const link = at('link');
  const source = new EventSource('/ui/events');
  source.addEventListener('open', () => {
    link.className = 'state on';
    link.textContent = 'live';
    at('trouble').hidden = true;
  });
  source.addEventListener('error', () => {
    link.className = 'state off';
    link.textContent = 'reconnecting…';
    if (source.readyState === EventSource.CLOSED) lost();
  });
  source.addEventListener('devices', (message) => takeDevices(JSON.parse(message.data)));
  source.addEventListener('event', (message) => takeEvent(JSON.parse(message.data)));
  source.addEventListener('skipped', (message) => takeEvent({ skipped: JSON.parse(message.data).count }));
  return source;
}

// ---- devices ----

function takeDevices(change) {
  if (change.isWhole) devices.clear();
  for (const id of change.gone) devices.delete(id);
  const before = devices.get(chosen)?.version;
  for (const row of change.changed) devices.set(row.deviceId, row);
  totals = change;
  drawDevices();
  if (chosen !== null && !devices.has(chosen) && change.gone.includes(chosen)) choose(null);
  else if (chosen !== null && devices.get(chosen)?.version !== before) readTwin(chosen);
}

function drawDevices() {
  const find = at('find').value.trim().toLowerCase();
  const ids = [...devices.keys()].filter((id) => id.toLowerCase().includes(find));
  order = ids.sort(byNumber.compare);
  const body = at('devices').tBodies[0];
  const kept = new Map();
  for (const [index, id] of order.entries()) {
    const row = rows.get(id) ?? makeRow(id);
    if (row.shown !== devices.get(id)) fillRow(row, devices.get(id));
    kept.set(id, row);
    if (body.rows[index] !== row.line) body.insertBefore(row.line, body.rows[index] ?? null);
  }
  rows = kept;
  while (body.rows.length > order.length) body.lastElementChild.remove();
  roam();
  const more = totals.total > devices.size ? `, the first ${devices.size} are listed` : '';
  at('devices-count').textContent = `${totals.connected} of ${totals.total} connected${more}`;
  at('devices').hidden = order.length === 0;
  const none = at('no-devices');
  none.hidden = order.length > 0;
  none.textContent = devices.size > 0
    ? 'No device listed here has such an id.'
    : 'There are no devices. Start the emulator with one, hubctl emulator --device device1, or register one over REST.';
  example();
}

function makeRow(id) {
  const line = make('tr');
  const head = make('th');
  head.scope = 'row';
  const button = make('button', '', id);
  button.type = 'button';
  button.addEventListener('click', () => choose(id, true));
  button.addEventListener('keydown', (event) => walk(event, id));
  head.append(button);
  const state = make('td');
  const dot = make('span', 'dot');
  state.append(dot);
  const active = make('td');
  const count = make('td', 'number');
  line.append(head, state, active, count);
  return { line, button, dot, active, count };
}

function fillRow(row, device) {
  row.shown = device;
  const isConnected = device.connectionState === 'Connected';
  const state = device.status === 'disabled' ? 'disabled' : isConnected ? 'connected' : 'not connected';
  row.dot.className = isConnected ? 'dot on' : 'dot';
  if (row.dot.textContent !== state) row.dot.textContent = state;
  row.active.replaceChildren(device.lastActivityTime?.startsWith(LONG_AGO) ? 'never' : clock(device.lastActivityTime));
  row.count.textContent = device.cloudToDeviceMessageCount;
  row.button.setAttribute('aria-pressed', String(device.deviceId === chosen));
}

/** One device is in the order of the Tab key; arrows lead to the others. */
function roam() {
  const active = document.activeElement;
  const held = order.find((id) => rows.get(id).button === active);
  const first = held ?? (order.includes(chosen) ? chosen : order[0]);
  for (const id of order) rows.get(id).button.tabIndex = id === first ? 0 : -1;
}

function walk(event, id) {
  const last = order.length - 1;
  const index = order.indexOf(id);
  const places = { ArrowDown: Math.min(index + 1, last), ArrowUp: Math.max(index - 1, 0), Home: 0, End: last };
  const place = places[event.key];
  if (place === undefined) return;
  event.preventDefault();
  rows.get(order[place]).button.focus();
  roam();
}

function choose(id, isWanted) {
  chosen = id;
  at('detail-title').textContent = id ?? 'No device chosen';
  at('detail').hidden = id === null;
  at('no-detail').hidden = id !== null;
  for (const place of ['send-said', 'call-said']) say(at(place), '');
  at('call-answer').hidden = true;
  for (const place of ['reported', 'desired', 'tags', 'twin-version']) at(place).textContent = '';
  if (id !== null) readTwin(id);
  for (const row of rows.values()) row.button.setAttribute('aria-pressed', 'false');
  rows.get(id)?.button.setAttribute('aria-pressed', 'true');
  roam();
  filter();
  example();
  if (isWanted && matchMedia('(max-width: 60rem)').matches) at('detail-title').scrollIntoView();
}

async function readTwin(id) {
  let answer;
  try {
    answer = await ask(`/ui/twin?device=${encodeURIComponent(id)}`);
  } catch {
    return;
  }
  if (id !== chosen || answer.status !== 200) return;
  const twin = answer.value;
  at('twin-version').textContent = `version ${twin.version}`;
  for (const name of ['reported', 'desired', 'tags']) {
    if (at(name).textContent !== twin[name]) at(name).textContent = twin[name];
  }
}

// ---- what is asked of a device ----

function readProperties(text) {
  const properties = {};
  for (const line of text.split('\n').filter((line) => line.trim() !== '')) {
    const equals = line.indexOf('=');
    if (equals < 1) throw new Error(`"${line.trim()}" is no property: write name=value.`);
    properties[line.slice(0, equals).trim()] = line.slice(equals + 1).trim();
  }
  return properties;
}

/** Runs a form: while it is under way its button rests, and what comes of it is said. */
function onSubmit(form, said, run) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = form.querySelector('button');
    if (button.getAttribute('aria-disabled') === 'true') return;
    // Not disabled: a button that is loses the focus.
    button.setAttribute('aria-disabled', 'true');
    try {
      await run();
    } catch (error) {
      say(said, error.message, 'bad');
    }
    button.removeAttribute('aria-disabled');
  });
}

async function sendMessage() {
  const said = at('send-said');
  const device = chosen;
  const body = at('send-body').value;
  const properties = readProperties(at('send-properties').value);
  const contentType = isJson(body) ? 'application/json' : '';
  say(said, 'Sending…');
  const { status, value } = await ask('/ui/message', { device, body, contentType, properties });
  if (device !== chosen) return;
  if (status === 200) say(said, `The hub has taken it as ${value.messageId}.`, 'good');
  else say(said, `${value.error}: ${value.message}`, 'bad');
}

async function callMethod() {
  const said = at('call-said');
  const shown = at('call-answer');
  const device = chosen;
  shown.hidden = true;
  say(said, 'Waiting for the device…');
  const began = performance.now();
  const { status, value } = await ask('/ui/method', {
    device, name: at('call-name').value, payload: at('call-payload').value,
  });
  if (device !== chosen) return;
  if (status === 200) {
    say(said, `Status ${value.status} after ${Math.round(performance.now() - began)} ms`, 'good');
    shown.textContent = value.payload;
    shown.hidden = false;
  } else {
    const hint = value.error === 'DeviceNotOnline' ? ' The device has to be connected and to listen for methods.' : '';
    say(said, `${value.error}: ${value.message}${hint}`, 'bad');
  }
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

// ---- events ----

function takeEvent(event) {
  waiting.push(event);
  if (waiting.length > MOST_EVENTS) {
    waiting.shift();
    missed += 1;
  }
  if (isPaused) countWaiting();
  else if (isDrawn) {
    isDrawn = false;
    // A page in the background draws nothing, and keeps no more than it can show.
    requestAnimationFrame(drawEvents);
  }
}

function drawEvents() {
  isDrawn = true;
  if (isPaused) return;
  const list = at('events');
  if (missed > 0) waiting.unshift({ skipped: missed });
  missed = 0;
  for (const event of waiting.splice(0)) {
    seen += event.skipped ? 0 : 1;
    list.prepend(event.skipped ? makeSkipped(event.skipped) : makeEvent(event));
  }
  while (list.children.length > MOST_EVENTS) list.lastElementChild.remove();
  at('events-count').textContent = seen === 1 ? '1 event' : `${seen} events`;
  filter();
}

function countWaiting() {
  at('pause').textContent = waiting.length === 0 ? 'Go on' : `Go on (${waiting.length + missed} more)`;
}

function makeSkipped(count) {
  return make('li', 'skipped', count === 1 ? 'One event is not shown here.' : `${count} events are not shown here.`);
}

function makeEvent(event) {
  const item = make('li', 'new');
  item.dataset.device = event.deviceId ?? '';
  const head = make('div', 'head');
  const name = make('button', 'name', event.deviceId ?? 'no device');
  name.type = 'button';
  name.addEventListener('click', () => choose(event.deviceId, true));
  head.append(clock(event.enqueuedTime, true), name);
  if (event.moduleId) head.append(make('span', '', `module ${event.moduleId}`));
  head.append(make('span', '', event.source ?? ''));
  for (const [label, value] of [['', event.contentType], ['message', event.messageId], ['answers', event.correlationId]]) {
    if (value) head.append(make('span', '', `${label} ${value}`.trim()));
  }
  head.append(make('span', '', `${event.partition}:${event.sequenceNumber}`));
  item.append(head);
  const properties = Object.entries(event.properties);
  if (properties.length > 0) {
    const list = make('ul', 'props');
    list.append(...properties.map(([key, value]) => make('li', '', `${key} = ${value}`)));
    item.append(list);
  }
  item.append(make('pre', 'body', event.body ?? event.bodyHex));
  const shown = event.body === undefined ? (event.bodyHex.length + 1) / 3 : new TextEncoder().encode(event.body).length;
  if (shown < event.bodyLength) {
    item.append(make('p', 'cut', `The first ${shown} of ${event.bodyLength} bytes; hubctl monitor-events shows them all.`));
  } else if (event.body === undefined) {
    item.append(make('p', 'cut', `${event.bodyLength} bytes that are no text`));
  }
  return item;
}

function filter() {
  const only = at('only').checked && chosen !== null ? chosen : null;
  const list = at('events');
  for (const item of list.children) {
    item.hidden = only !== null && item.dataset.device !== undefined && item.dataset.device !== only;
  }
  at('no-events').hidden = [...list.children].some((item) => !item.hidden);
}

/** The command that sends an event, as a shell takes it. */
function example() {
  const id = chosen ?? order[0] ?? 'device1';
  const quoted = /^[\w.:-]+$/.test(id) ? id : `'${id.replaceAll("'", "'\\''")}'`;
  const command = `hubctl send ${quoted} '{"temperature": 24.5}'`;
  if (at('example').textContent !== command) at('example').textContent = command;
}

/** A time, in the browser's own zone; in full for who points at it. */
function clock(time, isExact = false) {
  const date = new Date(typeof time === 'string' && !time.endsWith('Z') ? `${time}Z` : time);
  if (Number.isNaN(date.getTime())) return make('span', '', '');
  const options = { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false };
  if (isExact) options.fractionalSecondDigits = 3;
  const isToday = date.toDateString() === new Date().toDateString();
  if (!isToday) Object.assign(options, { month: '2-digit', day: '2-digit' });
  const element = make('time', '', date.toLocaleString('en-GB', options));
  element.dateTime = date.toISOString();
  element.title = date.toISOString();
  return element;
}

// ---- the beginning ----

async function start() {
  const source = listen();
  at('find').addEventListener('input', drawDevices);
  at('only').addEventListener('change', filter);
  at('pause').addEventListener('click', () => {
    isPaused = !isPaused;
    if (isPaused) {
      countWaiting();
    } else {
      at('pause').textContent = 'Pause';
      drawEvents();
    }
  });
  at('clear').addEventListener('click', () => {
    at('events').replaceChildren();
    seen = 0;
    at('events-count').textContent = '';
    filter();
  });
  at('logout').addEventListener('click', async () => {
    source.close();
    try {
      await ask('/ui/logout', {});
    } finally {
      location.replace('/ui');
    }
  });
  onSubmit(at('send'), at('send-said'), sendMessage);
  onSubmit(at('call'), at('call-said'), callMethod);
  const { value } = await ask('/ui/session');
  at('hub').textContent = `${value.hub}:${value.port} as ${value.policy}`;
}

if (at('login')) openDoor(at('login'));
else start();
