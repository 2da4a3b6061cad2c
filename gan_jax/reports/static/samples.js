// Slider over the epochs of a run's samples, which can be played, with the baseline's samples of the nearest epoch.
"use strict";

{
  const SECONDS = 0.3; // that an epoch is shown

  // The image in the page is the last epoch's; the script beside it has the others.
  const framesOf = (figure) => {
    const { epochs, earlier } = JSON.parse(figure.querySelector("script").textContent);
    return { epochs, uris: [...earlier, figure.querySelector("img").src] };
  };
  const all = new Map([...document.querySelectorAll("figure.samples")].map((figure) => [figure, framesOf(figure)]));

  all.forEach((frames, figure) => {
    const slider = figure.querySelector("input");
    if (!slider) return;
    const [own, beside] = figure.querySelectorAll(".frames > div");
    const baseline = all.get(document.querySelector(`#${figure.dataset.beside || "none"} figure.samples`));
    const output = figure.querySelector("output");

    function put(box, { epochs, uris }, place) {
      const image = box.querySelector("img");
      image.src = uris[place];
      image.alt = `64 samples of ${box.dataset.run} after epoch ${epochs[place]}`;
      box.querySelector(".unit").textContent = `${box.dataset.run}, epoch ${epochs[place]}`;
    }
    function show() {
      const place = Number(slider.value);
      const epoch = frames.epochs[place];
      put(own, frames, place);
      output.textContent = epoch;
      slider.setAttribute("aria-valuetext", `epoch ${epoch}`);
      if (!baseline) return;
      const distances = baseline.epochs.map((each) => Math.abs(each - epoch));
      put(beside, baseline, distances.indexOf(Math.min(...distances)));
    }

    let since = 0;
    const playing = player(figure.querySelector(".play"), (seconds) => {
      const last = frames.epochs.length - 1;
      since = seconds === 0 ? 0 : since + seconds;
      if (seconds === 0 && Number(slider.value) === last) slider.value = 0;
      else if (since >= SECONDS) {
        since = 0;
        slider.value = Number(slider.value) + 1;
      }
      show();
      return Number(slider.value) < last;
    });
    slider.addEventListener("input", () => {
      playing.pause();
      show();
    });
    show();
  });
}
