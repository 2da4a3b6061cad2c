// A button that plays and pauses. Only the reader starts it; who prefers less motion sees a picture a second.
"use strict";

// `advance(seconds)` moves on by the time since its last call, 0 at the start, and returns false at the end.
function player(button, advance) {
  const less = matchMedia("(prefers-reduced-motion: reduce)");
  let frame = null;

  function pause() {
    cancelAnimationFrame(frame);
    frame = null;
    button.textContent = "Play";
  }
  function play() {
    button.textContent = "Pause";
    let last = null;
    const tick = (now) => {
      const seconds = last === null ? 0 : (now - last) / 1000;
      if (last === null || !less.matches || seconds >= 1) {
        last = now;
        if (advance(seconds) === false) return pause();
      }
      frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
  }
  button.addEventListener("click", () => (frame === null ? play() : pause()));
  return { pause };
}
