// One question at a time: show it, wait for one answer, save it, go on. The server alone knows what was answered.

const VIEWS = ["left", "target", "right"];
const KEYS = { 1: "left", 0: "neither", 2: "right" };
const PAUSE_MS = 250; // the second press of a double press must not answer the question that nobody has looked at
const RETRY_MS = 3000;

const byId = (id) => document.getElementById(id);
const setState = (state) => { document.body.dataset.state = state; };

// ---- the server ----

async function request(path, vote) {
  const options = vote && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(vote),
  };
  const response = await fetch(path, options).catch(() => { throw new Error(goneMessage(vote)); });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

function goneMessage(vote) {
  const kept = vote ? " Your answer is kept: leave this page open, and it is sent when the server is back." : "";
  return `The server does not answer; if it was stopped, start it again on port ${location.port}.${kept}`;
}

// Repeat until it succeeds; meanwhile say what is wrong.
async function persist(task) {
  for (;;) {
    try {
      return await task();
    } catch (error) {
      if (byId("message").textContent !== error.message) byId("message").textContent = error.message; // announced once
      setState("trouble");
      await retryMoment();
    }
  }
}

function retryMoment() {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, RETRY_MS);
    byId("retry").onclick = () => { clearTimeout(timer); resolve(); };
  });
}

// ---- the images ----

const loading = new Map(); // question -> its images, or the promise of them

function load(question) {
  if (!loading.has(question)) {
    const images = Promise.all(VIEWS.map((view) => loadImage(`/image/${question}/${view}.png`)));
    images.catch(() => loading.delete(question)); // so that the next attempt starts anew
    loading.set(question, images);
  }
  return loading.get(question);
}

async function loadImage(address) {
  const image = new Image();
  image.src = address;
  await image.decode().catch(() => { throw new Error("An image cannot be loaded: is satsr vote still running?"); });
  return image;
}

function show(images) {
  VIEWS.forEach((view, i) => {
    const shown = document.querySelector(`[data-view=${view}] img`);
    images[i].alt = shown.alt;
    shown.replaceWith(images[i]);
  });
  fit();
}

// Three images side by side or one above the other, whichever makes them larger. They are enlarged by a whole number
// of screen pixels, so that every pixel of an image has the same size on the screen.
function fit() {
  const box = byId("images");
  const { naturalWidth: width, naturalHeight: height } = box.querySelector("img");
  if (!width) return;
  const zooms = [false, true].map((stacked) => {
    box.classList.toggle("stacked", stacked);
    return largestZoom(box, width, height, stacked);
  });
  const stacked = zooms[1] > zooms[0];
  const zoom = Math.max(...zooms) * devicePixelRatio;
  const scale = (zoom < 1 ? zoom : Math.floor(zoom)) / devicePixelRatio;
  box.classList.toggle("stacked", stacked);
  box.classList.toggle("enlarged", zoom >= 1);
  byId("ballot").style.setProperty("--width", `${scale * width}px`);
  byId("ballot").style.setProperty("--height", `${scale * height}px`);
}

function largestZoom(box, width, height, stacked) {
  const room = box.closest("main");
  const [columns, rows] = stacked ? [1, 3] : [3, 1];
  const gaps = stacked ? 0 : 2 * parseFloat(getComputedStyle(box).columnGap);
  const others = byId("ballot").offsetHeight - rows * box.querySelector("img").offsetHeight; // what is not image
  return Math.min((room.clientWidth - gaps) / columns / width, (room.clientHeight - others) / rows / height);
}

// ---- the voter ----

let answer = null; // takes the one answer that is waited for

function choice() {
  return new Promise((resolve) => {
    setTimeout(() => {
      answer = resolve;
      document.querySelector(".chosen")?.classList.remove("chosen");
      setState("asking");
    }, PAUSE_MS);
  });
}

function choose(chosen) {
  if (!answer) return;
  answer(chosen);
  answer = null;
  document.querySelector(`[data-choice=${chosen}]`).classList.add("chosen");
  setState("saving");
}

function progress({ answered, total }) {
  byId("bar").max = total;
  byId("bar").value = answered;
  byId("count").textContent = `${Math.min(answered + 1, total)} of ${total}`;
}

async function vote() {
  let state = await persist(() => request("/next"));
  progress(state);
  while (state.upcoming.length) {
    const [question, following] = state.upcoming;
    const images = await persist(() => load(question));
    setState("showing");
    show(images);
    if (following) load(following);
    const chosen = await choice();
    state = await persist(() => request("/answer", { question, choice: chosen }));
    loading.delete(question);
    progress(state);
  }
  byId("file").textContent = state.file;
  setState("done");
}

addEventListener("keydown", (event) => {
  if (!event.repeat && !event.ctrlKey && !event.metaKey && !event.altKey && event.key in KEYS) choose(KEYS[event.key]);
});
for (const button of document.querySelectorAll("[data-choice]")) {
  button.addEventListener("click", () => choose(button.dataset.choice));
}
addEventListener("resize", fit);
vote();
