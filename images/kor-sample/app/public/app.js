'use strict';

const $ = (selector) => document.querySelector(selector);
const state = { page: 1, terms: '', token: null, user: null, mediumKind: null, collection: null };

// Every call that writes needs the session's token.
async function call(method, path, body) {
  const headers = { accept: 'application/json' };
  if (state.token) headers['x-csrf-token'] = state.token;
  if (body && !(body instanceof FormData)) {
    headers['content-type'] = 'application/json';
    body = JSON.stringify(body);
  }
  const response = await fetch(path, { method, headers, body });
  const data = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(data.message || `the server answered ${response.status}`);
  return data;
}

function say(text) {
  $('#message').textContent = text;
}

function element(tag, text) {
  const result = document.createElement(tag);
  if (text !== undefined) result.textContent = text;
  return result;
}

function card(entity) {
  const item = element('li');
  if (entity.medium) {
    const image = element('img');
    image.src = entity.medium.url.preview.replace(/^\//, '');
    image.alt = '';
    item.append(image);
  }
  const text = element('div', entity.display_name);
  text.append(element('small', [entity.kind_name, ...entity.tags].join(' · ')));
  item.append(text);
  if (state.writes) {
    const remove = element('button', 'Delete');
    remove.onclick = () => act(async () => {
      await call('DELETE', `entities/${entity.id}`);
      await load();
    });
    item.append(remove);
  }
  return item;
}

async function load() {
  const query = new URLSearchParams({ page: state.page, per_page: 24 });
  if (state.terms) query.set('terms', state.terms);
  const result = await call('GET', `entities?${query}`);
  $('#entities').replaceChildren(...result.records.map(card));
  say(result.total === 1 ? '1 entity' : `${result.total} entities`);
  const pages = Math.max(1, Math.ceil(result.total / result.per_page));
  $('#pages').hidden = pages === 1;
  $('#pages span').textContent = `${result.page} / ${pages}`;
  $('#pages [data-step="-1"]').disabled = state.page <= 1;
  $('#pages [data-step="1"]').disabled = state.page >= pages;
  // Pictures that are still being worked on come a little later.
  clearTimeout(state.timer);
  if (result.records.some((e) => e.medium && e.medium.processing)) state.timer = setTimeout(() => act(load), 1500);
}

async function refreshSession() {
  const { session } = await call('GET', 'session');
  state.token = session.csrfToken;
  state.user = session.user;
  const known = Boolean(session.user && !session.user.guest);
  $('#login').hidden = known;
  $('#user').hidden = !known;
  $('#user span').textContent = known ? session.user.display_name : '';
  state.collection = known ? session.user.permissions.collections.create[0] : undefined;
  state.writes = state.collection !== undefined;
  $('#add').hidden = !state.writes;
  if (state.writes) {
    const [kinds, { info }] = await Promise.all([call('GET', 'kinds?per_page=500'), call('GET', 'info')]);
    state.mediumKind = info.medium_kind_id;
    $('#create select').replaceChildren(...kinds.records.filter((k) => k.id !== info.medium_kind_id).map((kind) => {
      const option = element('option', kind.name);
      option.value = kind.id;
      return option;
    }));
  }
}

async function act(action) {
  try {
    await action();
  } catch (error) {
    say(`That did not work: ${error.message}`);
  }
}

function onSubmit(selector, action) {
  $(selector).addEventListener('submit', (event) => {
    event.preventDefault();
    act(() => action(event.target));
  });
}

onSubmit('#search', async (form) => {
  state.terms = form.terms.value.trim();
  state.page = 1;
  await load();
});

onSubmit('#login', async (form) => {
  await call('POST', 'login', Object.fromEntries(new FormData(form)));
  form.reset();
  await refreshSession();
  await load();
});

onSubmit('#create', async (form) => {
  const data = new FormData(form);
  data.set('entity[collection_id]', state.collection);
  await call('POST', 'entities', data);
  form.reset();
  await load();
});

onSubmit('#upload', async (form) => {
  const data = new FormData(form);
  data.set('entity[collection_id]', state.collection);
  data.set('entity[kind_id]', state.mediumKind);
  await call('POST', 'entities', data);
  form.reset();
  await load();
});

$('#logout').onclick = () => act(async () => {
  await call('DELETE', 'logout');
  await refreshSession();
  await load();
});

for (const button of document.querySelectorAll('#pages button')) {
  button.onclick = () => {
    state.page += Number(button.dataset.step);
    act(load);
  };
}

act(async () => {
  await refreshSession();
  await load();
});
