// Draws each chart with uPlot, from the JSON beside it, when it comes near the window.
"use strict";

const Charts = (() => {
  const HEIGHT = 260; // as .plot in page.css, which reserves it
  const [PRINTED_WIDTH, PRINTED_HEIGHT] = [340, 205]; // on paper, where a chart is drawn twice as large and shown at half
  const [BOLD, THIN] = [1.8, 0.8];

  const shown = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(1).replace(".0e", "e");
    return String(Number(value.toPrecision(3)));
  };

  // Ticks of a logarithmic axis: at most about six decades; on a short axis 2 and 5 within them, too.
  const decades = (least, greatest) => {
    const [first, last] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(greatest))];
    const step = Math.max(1, Math.ceil((last - first) / 6));
    const parts = last - first <= 2 ? [1, 2, 5] : [1];
    const found = [];
    for (let power = Math.ceil(first / step) * step; power <= last; power += step)
      for (const part of parts) found.push(part * 10 ** power);
    return found.filter((value) => value >= least * 0.999 && value <= greatest * 1.001);
  };

  // At least a decade, so that nearly equal values look equal.
  const logarithmicRange = (_, least, greatest) => {
    if (!(least > 0)) return [0.1, 10];
    if (greatest < 10 * least) {
      const middle = Math.sqrt(least * greatest);
      return [middle / Math.sqrt(10), middle * Math.sqrt(10)];
    }
    const margin = (greatest / least) ** 0.04;
    return [least / margin, greatest * margin];
  };

  // At most the limits' upper end, where they have one.
  const limited = ([least, greatest], limits) => [least, Math.min(greatest, limits?.[1] ?? Infinity)];

  // An axis that fits the values, but does not go beyond the bounds; these alone where there is no value.
  const bounded = (least, greatest, [low, high]) => {
    if (least === null) return [low, high];
    const [first, last] = uPlot.rangeNum(least, greatest, 0.1, true);
    return [Math.max(first, low), Math.min(last, high)];
  };

  const dim = (color) => `${color}55`;

  // uPlot's settings and data for a chart of this width, drawn `zoom` times as large.
  function options(chart, width, height, zoom) {
    const axis = (label, size) => ({
      stroke: Theme.color("quiet"),
      grid: { stroke: Theme.color("grid"), width: zoom },
      ticks: { show: false },
      font: `${12 * zoom}px system-ui, sans-serif`,
      gap: 5 * zoom,
      size: size * zoom,
      label,
      labelFont: `${12 * zoom}px system-ui, sans-serif`,
      labelSize: 18 * zoom,
      labelGap: 0,
    });
    const series = [{}];
    const data = [chart.x];
    chart.lines.forEach((line) => {
      const color = Theme.color(line.color);
      const common = { scale: "y", spanGaps: line.points, pxAlign: 0 }; // 0: a straight line stays straight
      for (const values of line.seeds) {
        series.push({ ...common, stroke: dim(color), width: THIN * zoom, points: { show: false } });
        data.push(values);
      }
      const few = line.points || chart.x.length === 1;
      series.push({
        ...common,
        stroke: color,
        width: BOLD * zoom,
        dash: line.dash.length ? line.dash.map((length) => length * BOLD * zoom) : undefined,
        points: { show: few, size: 6 * zoom, fill: color },
        label: line.label,
      });
      data.push(line.values);
    });
    const y = chart.logarithmic
      ? { distr: 3, range: (u, least, greatest) => limited(logarithmicRange(u, least, greatest), chart.limits) }
      : chart.limits
        ? { range: chart.limits }
        : chart.bounds
          ? { range: (_, least, greatest) => bounded(least, greatest, chart.bounds) }
          : {};
    const whole = chart.x.every(Number.isInteger);
    return {
      data,
      settings: {
        width: width * zoom,
        height: height * zoom,
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, y: false, points: { size: 8 } },
        scales: { x: chart.x_logarithmic ? { time: false, distr: 4, asinh: 1 } : { time: false }, y },
        axes: [
          {
            ...axis(chart.x_title, 32),
            space: 50 * zoom,
            values: (_, at) => at.map(shown),
            ...(chart.x_logarithmic
              ? { splits: (_u, _i, _least, greatest) => [0, ...decades(1, greatest)], filter: (_, at) => at }
              : whole
                ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] }
                : {}),
          },
          {
            ...axis(chart.unit || chart.title, 56),
            space: 30 * zoom,
            values: (_, at) => at.map(shown),
            ...(chart.logarithmic
              ? { splits: (_u, _i, least, greatest) => decades(least, greatest), filter: (_, at) => at }
              : {}),
          },
        ],
        series,
      },
    };
  }

  // Indices, among uPlot's series, of each line and of its seeds.
  function places(chart) {
    let next = 1;
    return chart.lines.map((line) => Array.from({ length: line.seeds.length + 1 }, () => next++));
  }

  const buttonsOf = (figure) => [...figure.querySelectorAll(".legend button")];
  const isOn = (button) => button.getAttribute("aria-pressed") === "true";

  function start(figure) {
    const chart = JSON.parse(figure.querySelector("script").textContent);
    const host = figure.querySelector(".plot");
    const spoken = figure.querySelector(".spoken");
    const where = places(chart);
    const buttons = buttonsOf(figure);
    let plot = null;
    let at = null; // index in x of the values in the legend; null: each line's last value

    const lastOf = (values) => values.findLast((value) => value !== null);
    const showValues = () => {
      chart.lines.forEach((line, place) => {
        const value = at === null ? lastOf(line.values) : line.values[at];
        buttons[place].querySelector(".value").textContent = shown(value);
      });
      figure.dataset.at = at === null ? "" : `${chart.x_title} ${chart.x[at]}`;
    };
    const showLines = () =>
      buttons.forEach((button, place) => {
        const show = isOn(button);
        where[place].forEach((i) => plot.series[i].show === show || plot.setSeries(i, { show }));
      });
    const draw = () => {
      plot?.destroy();
      const size = printing ? [PRINTED_WIDTH, PRINTED_HEIGHT, 2] : [host.clientWidth, HEIGHT, 1];
      const { data, settings } = options(chart, ...size);
      settings.hooks = {
        setCursor: [
          (u) => {
            at = u.cursor.idx ?? null;
            showValues();
          },
        ],
      };
      plot = new uPlot(settings, data, host);
      showLines();
      showValues();
    };

    figure.addEventListener("lines", showLines);
    host.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const last = chart.x.length - 1;
      at = Math.min(last, Math.max(0, (at ?? (step > 0 ? -1 : last + 1)) + step));
      plot.setCursor({ left: plot.valToPos(chart.x[at], "x"), top: 0 });
      showValues();
      spoken.textContent = `${chart.x_title} ${chart.x[at]}: ${chart.lines
        .filter((_, place) => isOn(buttons[place]))
        .map((line) => `${line.label} ${shown(line.values[at])}`)
        .join(", ")}`;
    });
    host.addEventListener("blur", () => plot.setCursor({ left: -10, top: -10 }));
    document.addEventListener("theme", draw);
    new ResizeObserver(() => {
      if (!printing && host.clientWidth && plot.width !== host.clientWidth)
        plot.setSize({ width: host.clientWidth, height: HEIGHT });
    }).observe(host);
    draw();
  }

  // A click in a legend switches the line, and lines of that name in the charts linked with this one.
  document.addEventListener("click", ({ target }) => {
    const button = target.closest(".legend button");
    if (!button) return;
    const figure = button.closest("figure");
    const show = String(!isOn(button));
    for (const each of figure.closest(".linked")?.querySelectorAll("figure.chart") ?? [figure]) {
      for (const other of buttonsOf(each))
        if (other === button || (each !== figure && other.dataset.line === button.dataset.line))
          other.setAttribute("aria-pressed", show);
      each.dispatchEvent(new Event("lines"));
    }
  });

  const waiting = new Set(document.querySelectorAll("figure.chart:not(.bars)"));
  function begin(figure) {
    near.unobserve(figure);
    if (waiting.delete(figure)) start(figure);
  }
  const near = new IntersectionObserver(
    (seen) => seen.filter((entry) => entry.isIntersecting).forEach((entry) => begin(entry.target)),
    { rootMargin: "400px" },
  );
  waiting.forEach((figure) => near.observe(figure));

  // A printed page does not scroll, has a width of its own, and is light.
  let printing = false;
  const print = (now) => () => {
    printing = now;
    Theme.print(now); // draws the charts again that were drawn before
    if (now) [...waiting].forEach(begin);
  };
  window.addEventListener("beforeprint", print(true));
  window.addEventListener("afterprint", print(false));
  return { start };
})();
