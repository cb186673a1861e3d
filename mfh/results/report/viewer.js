"use strict";
(async () => {
  const find = id => document.getElementById(id);
  const stage = find("stage"), slider = find("divider");
  const part = name => stage.querySelector(name);

  // The slider moves the border between photo and depth map.
  const divide = () => {
    stage.style.setProperty("--at", slider.value + "%");
    slider.setAttribute("aria-valuetext", `${slider.value} % photo, ${100 - slider.value} % depth`);
  };
  slider.oninput = divide;
  divide();

  const data = JSON.parse(find("data").textContent);
  const tell = text => { find("told").textContent = text; };
  if (!("DecompressionStream" in window)) {
    find("keys").textContent = "Measuring needs a newer browser: from 2023 on.";
    return;
  }

  const { width, height, step, fit } = data;
  const depth = await unpacked();
  const points = [];
  let cursor = null;

  // The depth in metres, as mfh.results.report.packing packs it.
  async function unpacked() {
    const bytes = Uint8Array.from(atob(data.depth), character => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const planes = new Uint8Array(await new Response(stream).arrayBuffer());
    const count = width * height, bits = new Int32Array(count);
    for (let k = 0; k < count; k++) {
      const folded = planes[k] | planes[count + k] << 8 | planes[2 * count + k] << 16
        | planes[3 * count + k] << 24;
      const left = k % width ? bits[k - 1] : 0, above = k >= width ? bits[k - width] : 0;
      const corner = k % width && k >= width ? bits[k - width - 1] : 0;
      bits[k] = (folded >>> 1 ^ -(folded & 1)) + left + above - corner;
    }
    for (let k = 0; k < count; k++) bits[k] <<= data.dropped;
    return new Float32Array(bits.buffer);
  }

  // A pixel of those the page holds: where it is in the photo, its depth, and its ray.
  function pixel(column, row) {
    const x = column * step + (step >> 1), y = row * step + (step >> 1);
    const ray = [
      (x + .5 - data.centre[0]) / data.focal[0], (y + .5 - data.centre[1]) / data.focal[1], 1,
    ];
    return { column, row, x, y, ray, z: depth[row * width + column] };
  }

  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const known = point => Number.isFinite(point.z);

  function distance(a, b) {
    return Math.hypot(...a.ray.map((_, k) => a.ray[k] * a.z - b.ray[k] * b.z));
  }

  // One sigma of a length whose change with each point's depth is `slopes`, in metres: that of
  // scale and offset, which the points share, and that of each point's disparity.
  function sigma(several, slopes) {
    const [[ss, so], [, oo]] = fit.covariance;
    let byScale = 0, byOffset = 0, alone = 0;
    several.forEach(({ z }, k) => {
      const metric = fit.space === "disparity" ? 1 / z : z;
      const moved = slopes[k] * (fit.space === "disparity" ? -z * z : 1);
      byScale += moved * (metric - fit.offset) / fit.scale;
      byOffset += moved;
      alone += (slopes[k] * z * fit.pointError) ** 2;
    });
    const shared = ss * byScale ** 2 + 2 * so * byScale * byOffset + oo * byOffset ** 2;
    return Math.sqrt(Math.max(shared, 0) + alone);
  }

  function metres(length) {
    return `${length.toFixed(length < 10 ? 2 : length < 100 ? 1 : 0)} m`;
  }

  function withSigma(length, several, slopes) {
    if (!fit) return metres(length);
    const error = sigma(several, slopes);
    return `${metres(length)} ± ${error < length ? metres(error) : "100 % or more"}`;
  }

  function depthWords(point) {
    if (Number.isNaN(point.z)) return "depth unknown";
    if (!known(point)) return "farther than the fit can tell";
    return `${withSigma(point.z, [point], [1])} deep`;
  }

  function betweenWords() {
    const [a, b] = points;
    if (!known(a) || !known(b)) return "unknown: a point has no depth";
    const length = distance(a, b);
    const along = a.ray.map((_, k) => (a.ray[k] * a.z - b.ray[k] * b.z) / (length || 1));
    return withSigma(length, points, [dot(along, a.ray), -dot(along, b.ray)]);
  }

  function show(id, point) {
    const cell = find(id);
    cell.textContent = point ? depthWords(point) : "–";
    if (!point) return;
    const small = document.createElement("small");
    const away = known(point) ? `${metres(point.z * Math.hypot(...point.ray))} from the camera · ` : "";
    small.textContent = `${away}x ${point.x}, y ${point.y}`;
    cell.append(small);
  }

  const left = point => 100 * (point.column + .5) / width;
  const top = point => 100 * (point.row + .5) / height;

  function place(mark, point) {
    mark.hidden = !point;
    if (point) Object.assign(mark.style, { left: left(point) + "%", top: top(point) + "%" });
  }

  function draw() {
    const [a, b] = points;
    show("at-cursor", cursor);
    place(part(".cursor"), cursor);
    show("at-a", a);
    show("at-b", b);
    stage.querySelectorAll(".point").forEach((mark, k) => place(mark, points[k]));
    const line = part(".line line"), length = part(".length");
    line.style.display = b ? "" : "none";
    length.hidden = !b;
    find("between").textContent = b ? betweenWords() : "–";
    find("clear").disabled = !a;
    if (b) {
      const ends = { x1: left(a), y1: top(a), x2: left(b), y2: top(b) };
      for (const [name, value] of Object.entries(ends)) line.setAttribute(name, value + "%");
      length.textContent = known(a) && known(b) ? metres(distance(a, b)) : "?";
      length.style.left = (left(a) + left(b)) / 2 + "%";
      length.style.top = (top(a) + top(b)) / 2 + "%";
    }
    const here = document.querySelector(".here");
    if (!here) return;
    here.hidden = !cursor || !known(cursor);
    if (!here.hidden) here.style.left = 100 * fraction(cursor.z) + "%";
  }

  function fraction(z) {
    const [low, high, logarithmic] = data.scale, clipped = Math.min(Math.max(z, low), high);
    return logarithmic ? Math.log(clipped / low) / Math.log(high / low)
      : (clipped - low) / (high - low);
  }

  function set(point) {
    if (points.length === 2) points.length = 0;
    points.push(point);
    draw();
    const name = "AB"[points.length - 1];
    const between = points.length === 2 ? `; from A to B ${betweenWords()}` : "";
    tell(`Point ${name}: ${depthWords(point)}${between}`);
  }

  function clear() {
    points.length = 0;
    draw();
    tell("Points cleared");
  }

  function under(event) {
    const box = stage.getBoundingClientRect();
    const at = (place, start, length, count) =>
      Math.min(count - 1, Math.max(0, Math.floor((place - start) / length * count)));
    return pixel(
      at(event.clientX, box.left, box.width, width), at(event.clientY, box.top, box.height, height),
    );
  }

  stage.onpointermove = event => { cursor = under(event); draw(); };
  stage.onpointerleave = () => { cursor = null; draw(); };
  stage.onclick = event => { cursor = under(event); set(cursor); };
  find("clear").onclick = () => { clear(); stage.focus(); };

  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  stage.onkeydown = event => {
    const move = moves[event.key];
    const from = cursor || points.at(-1) || pixel(width >> 1, height >> 1);
    if (move) {
      const stride = event.shiftKey ? Math.max(2, Math.round(width / 32)) : 1;
      const to = (place, way, count) => Math.min(count - 1, Math.max(0, place + way * stride));
      cursor = pixel(to(from.column, move[0], width), to(from.row, move[1], height));
      draw();
      tell(`${depthWords(cursor)}, x ${cursor.x}, y ${cursor.y}`);
    } else if (event.key === "Enter" || event.key === " ") {
      cursor = from;
      set(cursor);
    } else if (event.key === "Escape") {
      clear();
    } else {
      return;
    }
    event.preventDefault();
  };
  draw();
  stage.dataset.ready = "true";
})();
