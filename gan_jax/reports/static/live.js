// The live generator: an image with sliders along latent directions, a morph between two images, and a gallery.
"use strict";

const GanLive = (() => {
  const LATENT = 128;
  const choices = JSON.parse(document.getElementById("live-layout").textContent);
  const frameTime = document.getElementById("frame-time");
  let shown = null; // the choice that draws: {generator, discriminator, offset, directions}

  // A choice's networks are decoded when it is first chosen.
  async function load(place) {
    const choice = choices[place];
    const networkOf = (kind) =>
      choice[kind] && GanNetwork.load(document.getElementById(`${kind}-${place}`).textContent.trim(), choice[kind]);
    choice.loaded ??= Promise.all(["generator", "discriminator"].map(networkOf));
    const [generator, discriminator] = await choice.loaded;
    return { ...choice, generator, discriminator };
  }

  // A standard normal latent, by Box and Muller.
  const draw = () =>
    Float32Array.from({ length: LATENT }, () =>
      Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()),
    );
  const along = (latent, direction) => direction.reduce((sum, value, i) => sum + value * latent[i], 0);

  // Draw a latent's image into a figure, with D's output under it.
  function paint(figure, latent) {
    const image = GanNetwork.generate(shown.generator, latent);
    const context = figure.querySelector("canvas").getContext("2d");
    const pixels = context.createImageData(28, 28);
    image.forEach((value, i) => {
      const gray = Math.round((value + 1) * 127.5);
      pixels.data.set([gray, gray, gray, 255], 4 * i);
    });
    context.putImageData(pixels, 0, 0);
    figure.querySelector("figcaption, .figcaption").textContent = shown.discriminator
      ? `${(100 * GanNetwork.probability(shown.discriminator, image, shown.offset)).toFixed(0)} % real`
      : "\u00a0";
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
  const sliders = [...document.querySelectorAll("input[data-direction]")];
  const formatted = (value) => (Math.round(10 * value) / 10 + 0).toFixed(1); // + 0: no "-0.0"
  let latent = draw();

  const showDigit = eachFrame(() => {
    const start = performance.now();
    paint(digit, latent);
    frameTime.textContent = `drawn in ${(performance.now() - start).toFixed(1)} ms`;
  });
  function showSlider(slider) {
    const value = along(latent, shown.directions[slider.dataset.direction]);
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
    const direction = shown.directions[slider.dataset.direction];
    const change = value - along(latent, direction);
    latent = latent.map((each, i) => each + change * direction[i]);
    slider.nextElementSibling.textContent = formatted(value);
    showDigit();
  }

  const [from, between, to] = ["morph-from", "morph", "morph-to"].map((id) => document.getElementById(id));
  const position = document.getElementById("morph-position");
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
  function showEnds() {
    paint(from, ends[0]);
    paint(to, ends[1]);
    showMorph();
  }

  const cards = [...document.querySelectorAll("#gallery button")].map((button) => ({ button, latent: draw() }));
  // Draw one image a frame, so that the page stays responsive.
  function fill(place = 0) {
    if (place === cards.length) return;
    const { button, latent } = cards[place];
    paint(button, latent);
    const answer = shown.discriminator ? `, ${button.textContent.trim()}` : "";
    button.setAttribute("aria-label", `${button.dataset.name}${answer}`);
    requestAnimationFrame(() => fill(place + 1));
  }

  // Switch to a choice, with the same latents.
  async function use(place) {
    const found = await load(place);
    if (place !== Number(document.querySelector("input[name=generator]:checked")?.value ?? 0)) return;
    shown = found;
    choose(latent);
    showEnds();
    fill();
  }

  function listen() {
    const onClick = (id, action) => document.getElementById(id).addEventListener("click", action);
    sliders.forEach((slider) => slider.addEventListener("input", () => move(slider, Number(slider.value))));
    onClick("new-digit", () => choose(draw()));
    onClick("center", () => {
      sliders.forEach((slider) => move(slider, 0));
      sliders.forEach(showSlider);
    });
    onClick("morph-new", () => {
      ends = [draw(), draw()];
      showEnds();
    });
    let phase = 0;
    const playing = player(document.getElementById("morph-play"), (seconds) => {
      phase = seconds === 0 ? Math.acos(1 - 2 * Number(position.value)) : phase + seconds / 1.2;
      position.value = (1 - Math.cos(phase)) / 2;
      paint(between, mix(ends, Number(position.value)));
    });
    position.addEventListener("input", () => {
      playing.pause();
      showMorph();
    });
    cards.forEach((card) =>
      card.button.addEventListener("click", () => {
        choose(card.latent);
        digit.scrollIntoView({ block: "nearest" });
      }),
    );
    onClick("gallery-new", () => {
      for (const card of cards) card.latent = draw();
      fill();
    });
    for (const radio of document.querySelectorAll("input[name=generator]"))
      radio.addEventListener("change", () => use(Number(radio.value)));
  }

  const ready = use(0).then(listen, (error) => {
    frameTime.textContent = `This browser cannot draw here: ${error.message}`;
  });
  return { ready, shown: () => shown, draw, paint, mix, latent: () => latent };
})();
