// The live generator: a digit with sliders along latent directions, a morph between two digits, and a gallery.
"use strict";

const GanLive = (() => {
  const layout = JSON.parse(document.getElementById("live-layout").textContent);
  const weightsOf = (name) =>
    layout[name] && GanNetwork.load(document.getElementById(`${name}-weights`).textContent.trim(), layout[name]);
  const generator = weightsOf("generator");
  const discriminator = weightsOf("discriminator");
  const size = layout.generator[0][0];
  const GALLERY = 24;

  // A standard normal latent, by Box and Muller.
  const draw = () =>
    Float32Array.from({ length: size }, () =>
      Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()),
    );
  const along = (latent, direction) => direction.reduce((sum, value, i) => sum + value * latent[i], 0);

  // Draw a latent's image into a figure, with D's output under it.
  function paint(figure, latent) {
    const image = GanNetwork.generate(generator, latent);
    const canvas = figure.querySelector("canvas");
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(28, 28);
    image.forEach((value, i) => {
      const gray = Math.round((value + 1) * 127.5);
      pixels.data.set([gray, gray, gray, 255], 4 * i);
    });
    context.putImageData(pixels, 0, 0);
    if (discriminator)
      figure.querySelector("figcaption").textContent = `${(100 * GanNetwork.probability(discriminator, image, layout.offset)).toFixed(0)} % real`;
  }

  // Limit a function to one call a frame, however often it is requested.
  function eachFrame(action) {
    let pending = false;
    return () => {
      if (pending) return;
      pending = true;
      requestAnimationFrame(() => {
        pending = false;
        action();
      });
    };
  }

  const digit = document.getElementById("digit");
  const frameTime = document.getElementById("frame-time");
  const sliders = [...document.querySelectorAll("input[data-direction]")];
  const formatted = (value) => (Math.round(10 * value) / 10 + 0).toFixed(1); // + 0: no "-0.0"
  let latent = draw();

  const showDigit = eachFrame(() => {
    const start = performance.now();
    paint(digit, latent);
    frameTime.textContent = `drawn in ${(performance.now() - start).toFixed(1)} ms`;
  });
  function showSlider(slider) {
    const value = along(latent, layout.directions[slider.dataset.direction]);
    slider.value = value;
    slider.nextElementSibling.textContent = formatted(value);
  }
  function choose(chosen) {
    latent = Float32Array.from(chosen);
    sliders.forEach(showSlider);
    showDigit();
  }
  // Change the latent's coordinate along one direction; the directions are orthogonal, so the others stay.
  function move(slider, value) {
    const direction = layout.directions[slider.dataset.direction];
    const change = value - along(latent, direction);
    latent = latent.map((each, i) => each + change * direction[i]);
    slider.nextElementSibling.textContent = formatted(value);
    showDigit();
  }
  sliders.forEach((slider) => slider.addEventListener("input", () => move(slider, Number(slider.value))));
  document.getElementById("new-digit").addEventListener("click", () => choose(draw()));
  document.getElementById("center").addEventListener("click", () => {
    sliders.forEach((slider) => move(slider, 0));
    sliders.forEach(showSlider);
  });

  const [from, between, to] = ["morph-from", "morph", "morph-to"].map((id) => document.getElementById(id));
  const position = document.getElementById("morph-position");
  const play = document.getElementById("morph-play");
  let ends = [draw(), draw()];

  // Interpolate on the great circle, where latents keep the length that G was trained on; a straight line is shorter.
  function mix([first, second], share) {
    const length = (values) => Math.sqrt(along(values, values));
    const angle = Math.acos(Math.max(-1, Math.min(1, along(first, second) / (length(first) * length(second)))));
    const [a, b] =
      angle < 1e-4
        ? [1 - share, share]
        : [Math.sin((1 - share) * angle) / Math.sin(angle), Math.sin(share * angle) / Math.sin(angle)];
    return first.map((value, i) => a * value + b * second[i]);
  }
  const showMorph = eachFrame(() => paint(between, mix(ends, Number(position.value))));
  function renew() {
    ends = [draw(), draw()];
    paint(from, ends[0]);
    paint(to, ends[1]);
    showMorph();
  }
  position.addEventListener("input", showMorph);
  document.getElementById("morph-new").addEventListener("click", renew);
  play.addEventListener("click", () => {
    const playing = play.getAttribute("aria-pressed") !== "true";
    play.setAttribute("aria-pressed", String(playing));
    play.textContent = playing ? "Pause" : "Play";
    let last = null;
    let phase = Math.acos(1 - 2 * Number(position.value));
    const advance = (now) => {
      if (play.getAttribute("aria-pressed") !== "true") return;
      phase += last === null ? 0 : (now - last) / 1200;
      last = now;
      position.value = (1 - Math.cos(phase)) / 2;
      paint(between, mix(ends, Number(position.value)));
      requestAnimationFrame(advance);
    };
    if (playing) requestAnimationFrame(advance);
  });

  const gallery = document.getElementById("gallery");
  const cards = Array.from({ length: GALLERY }, (_, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", `Digit ${place + 1} of the gallery`);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 28;
    const caption = document.createElement("figcaption");
    const figure = document.createElement("figure");
    figure.className = "digit small";
    figure.append(canvas, ...(discriminator ? [caption] : []));
    button.append(figure);
    const card = { button, figure, latent: null };
    button.addEventListener("click", () => {
      choose(card.latent);
      digit.scrollIntoView({ block: "nearest" });
    });
    gallery.append(button);
    return card;
  });
  // Draw one digit a frame, so that the page stays responsive.
  function fill(place = 0) {
    if (place === cards.length) return;
    const card = cards[place];
    card.latent = draw();
    paint(card.figure, card.latent);
    card.button.setAttribute("aria-label", `Digit ${place + 1}${discriminator ? `, ${card.figure.textContent}` : ""}`);
    requestAnimationFrame(() => fill(place + 1));
  }
  document.getElementById("gallery-new").addEventListener("click", () => fill());

  choose(latent);
  renew();
  fill();
  return { generator, discriminator, draw, paint, mix, latent: () => latent };
})();
