"use strict";

/* Positions are pixels of the output file: row r and column c are latitude -r and longitude c of the map's plane. */
(() => {
  const find = (id) => document.getElementById(id);
  const view = JSON.parse(find("view").textContent);
  const bounds = ([top, left, bottom, right]) => L.latLngBounds([-bottom, left], [-top, right]);
  const distance = (from, to) =>
    Math.hypot((to.lat - from.lat) * view.pixel_m[0], (to.lng - from.lng) * view.pixel_m[1]);

  if (matchMedia("(max-width: 44rem)").matches) find("layers").open = false; // before the map measures its place

  // ---- map ----

  const whole = bounds(view.box);
  const side = Math.max(view.box[2] - view.box[0], view.box[3] - view.box[1]);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map("map", {
    crs: L.extend({}, L.CRS.Simple, { distance }),
    attributionControl: false,
    zoomSnap: 0.25,
    minZoom: Math.floor(Math.log2(128 / side)),
    maxZoom: Math.ceil(Math.log2(16 / view.factor)),
    maxBounds: whole.pad(0.5),
    zoomAnimation: !still,
    inertia: !still,
  });
  map.fitBounds(whole);
  if (view.pixel_m) L.control.scale({ imperial: false }).addTo(map);

  const panes = { before: map.createPane("before"), after: map.createPane("after") };
  panes.before.style.zIndex = 300;
  panes.after.style.zIndex = 310;

  const layers = view.layers.map((layer, order) => {
    const overlay = L.imageOverlay(layer.image, bounds(layer.box), { pane: layer.pane, alt: layer.title, zIndex: order });
    const box = document.querySelector(`[data-layer="${layer.key}"]`);
    overlay.on("error", () => {
      find("trouble").textContent = `This browser cannot show ${layer.title}: take a newer one.`;
      find("trouble").hidden = false;
    });
    box.addEventListener("change", show);
    return { ...layer, overlay, box };
  });

  function show() {
    for (const { overlay, box } of layers) {
      if (box.checked) overlay.addTo(map);
      else overlay.remove();
    }
    sharpen();
    clip();
  }

  function sharpen() {
    for (const { overlay, pixel } of layers) {
      overlay.getElement()?.classList.toggle("crisp", pixel * 2 ** map.getZoom() > 1);
    }
  }

  find("smooth").addEventListener("change", (event) => {
    map.getContainer().classList.toggle("smooth", event.target.checked);
  });

  // ---- slider ----

  const slider = find("slider");
  let share = 0.5;

  function rectangle(left, right) {
    const a = map.containerPointToLayerPoint([left, 0]);
    const b = map.containerPointToLayerPoint([right, map.getSize().y]);
    return `polygon(${a.x}px ${a.y}px, ${b.x}px ${a.y}px, ${b.x}px ${b.y}px, ${a.x}px ${b.y}px)`;
  }

  function clip() {
    const there = (pane) => layers.some((layer) => layer.pane === pane && layer.box.checked);
    const both = there("before") && there("after");
    const width = map.getSize().x;
    slider.hidden = !both;
    panes.before.style.clipPath = both ? rectangle(0, share * width) : "none";
    panes.after.style.clipPath = both ? rectangle(share * width, width) : "none";
  }

  function move(to) {
    share = Math.min(1, Math.max(0, to));
    const percent = Math.round(100 * share);
    slider.style.left = `${100 * share}%`;
    slider.setAttribute("aria-valuenow", percent);
    slider.setAttribute("aria-valuetext", `${percent} % input, ${100 - percent} % output`);
    clip();
  }

  const steps = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
  slider.addEventListener("keydown", (event) => {
    if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    move(share + steps[event.key]);
  });

  slider.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    slider.setPointerCapture(event.pointerId);
    slider.focus({ focusVisible: false });
    event.preventDefault();
  });
  slider.addEventListener("pointermove", (event) => {
    if (!slider.hasPointerCapture(event.pointerId)) return;
    const box = map.getContainer().getBoundingClientRect();
    move((event.clientX - box.left) / box.width);
  });

  // ---- where the cursor is ----

  let cursor = null;

  /* Between the nodes of a grid, whose distance was chosen so that this is right to a quarter of a pixel. */
  function toDegrees(row, column) {
    const { longitudes, latitudes } = view.degrees;
    const [top, left, bottom, right] = view.box;
    const cells = longitudes.length - 1;
    const y = ((row - top) / (bottom - top)) * cells;
    const x = ((column - left) / (right - left)) * cells;
    const i = Math.min(cells - 1, Math.floor(y));
    const j = Math.min(cells - 1, Math.floor(x));
    const mix = (nodes) =>
      (1 - y + i) * ((1 - x + j) * nodes[i][j] + (x - j) * nodes[i][j + 1]) +
      (y - i) * ((1 - x + j) * nodes[i + 1][j] + (x - j) * nodes[i + 1][j + 1]);
    return [((((mix(longitudes) + 180) % 360) + 360) % 360) - 180, mix(latitudes)];
  }

  function words(row, column) {
    const [a, b, c, d, e, f] = view.transform;
    const coordinates = [a * column + b * row + c, d * column + e * row + f].map((n) => n.toFixed(view.decimals));
    const said = [`row ${Math.floor(row)}, column ${Math.floor(column)}`, `${view.crs}: ${coordinates.join(", ")}`];
    if (view.degrees) {
      const [longitude, latitude] = toDegrees(row, column);
      const degrees = (n, positive, negative) => `${Math.abs(n).toFixed(6)}° ${n < 0 ? negative : positive}`;
      said.push(`${degrees(latitude, "N", "S")}, ${degrees(longitude, "E", "W")}`);
    }
    return said;
  }

  function tell() {
    const { lat, lng } = cursor ?? map.getCenter();
    const [top, left, bottom, right] = view.box;
    const inside = top <= -lat && -lat < bottom && left <= lng && lng < right;
    const said = [cursor ? "cursor" : "middle", ...(inside ? words(-lat, lng) : ["outside the view"])];
    find("place").replaceChildren(
      ...said.flatMap((text) => [Object.assign(document.createElement("span"), { textContent: text }), " "]),
    );
  }

  map.on("mousemove click", (event) => { cursor = event.latlng; tell(); });
  map.on("mouseout", () => { cursor = null; tell(); });

  // ---- at first, and whenever something moved ----

  map.on("move zoom viewreset resize", () => { clip(); tell(); });
  map.on("zoomend", sharpen);
  show();
  move(share);
  tell();
  map.invalidateSize({ animate: false }); // what was told may take more lines than before
  map.fitBounds(whole, { animate: false });
  new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(map.getContainer());
  const shown = layers.filter((layer) => layer.box.checked).map((layer) => layer.overlay.getElement().decode());
  Promise.allSettled(shown).then(() => { document.body.dataset.state = "ready"; });
})();
