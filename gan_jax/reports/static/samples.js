// Slider over the epochs of a run's samples, with the baseline's samples of the nearest epoch beside them.
"use strict";

{
  const framesOf = (figure) => JSON.parse(figure.querySelector("script").textContent);

  document.querySelectorAll("figure.samples").forEach((figure) => {
    const frames = framesOf(figure);
    const image = figure.querySelector("img");
    const slider = figure.querySelector("input");
    const output = figure.querySelector("output");
    const title = figure.closest("section").querySelector("h3").textContent;
    const other = document.querySelector(`#${figure.dataset.beside || "none"} figure.samples`);
    const baseline = other && framesOf(other);
    let beside = null;
    if (baseline) {
      beside = document.createElement("img");
      beside.width = beside.height = 242;
      const box = document.createElement("div");
      const caption = document.createElement("p");
      caption.className = "unit";
      box.append(beside, caption);
      const own = document.createElement("p");
      own.className = "unit";
      own.textContent = title;
      image.after(own);
      figure.querySelector(".frames").append(box);
    }
    const show = () => {
      const place = Number(slider.value);
      const epoch = frames.epochs[place];
      image.src = frames.uris[place];
      image.alt = `64 samples of ${title} after epoch ${epoch}`;
      output.textContent = epoch;
      slider.setAttribute("aria-valuetext", `epoch ${epoch}`);
      if (!baseline) return;
      const distances = baseline.epochs.map((each) => Math.abs(each - epoch));
      const nearest = distances.indexOf(Math.min(...distances));
      beside.src = baseline.uris[nearest];
      beside.alt = `64 samples of part_a after epoch ${baseline.epochs[nearest]}`;
      beside.nextSibling.textContent =
        baseline.epochs[nearest] === epoch ? "part_a" : `part_a, epoch ${baseline.epochs[nearest]}`;
    };
    slider.addEventListener("input", show);
    show();
  });
}
