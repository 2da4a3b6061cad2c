// Draws each chart with uPlot, from the JSON beside it, when it comes near the window.
"use strict";

const Charts = (() => {
  const HEIGHT = 240;
  const THIN = 0.8;

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

  const dim = (color) => `${color}55`;

  function options(chart, width) {
    const axis = {
      stroke: Theme.color("quiet"),
      grid: { stroke: Theme.color("grid"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    const series = [{}];
    const data = [chart.x];
    chart.lines.forEach((line) => {
      const color = Theme.color(line.color);
      const common = { scale: "y", spanGaps: line.points };
      for (const values of line.seeds) {
        series.push({ ...common, stroke: dim(color), width: THIN, points: { show: false } });
        data.push(values);
      }
      const few = line.points || chart.x.length === 1;
      series.push({
        ...common,
        stroke: color,
        width: 1.8,
        dash: [undefined, [6, 4], [6, 3, 2, 3]][line.dash_style],
        points: { show: few, size: 6, fill: color },
        label: line.label,
      });
      data.push(line.values);
    });
    const y = chart.logarithmic
      ? { distr: 3, range: (u, least, greatest) => limited(logarithmicRange(u, least, greatest), chart.limits) }
      : chart.limits
        ? { range: chart.limits }
        : {};
    return {
      data,
      settings: {
        width,
        height: HEIGHT,
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, y: false, points: { size: 8 } },
        scales: { x: chart.x_logarithmic ? { time: false, distr: 4, asinh: 1 } : { time: false }, y },
        axes: [
          {
            ...axis,
            size: 32,
            ...(chart.x_logarithmic
              ? { splits: (_u, _i, _least, greatest) => [0, ...decades(1, greatest)], values: (_, at) => at.map(shown), filter: (_, at) => at }
              : { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] }),
          },
          {
            ...axis,
            size: 58,
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
    return chart.lines.map((line) => {
      const all = Array.from({ length: line.seeds.length + 1 }, () => next++);
      return { all, own: all.at(-1) };
    });
  }

  function legend(box, chart) {
    return chart.lines.map((line) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      const swatch = document.createElement("span");
      swatch.className = line.dash_style ? "swatch dashed" : "swatch";
      swatch.style.setProperty("--line", `var(--${line.color})`);
      const value = document.createElement("span");
      value.className = "value";
      button.append(swatch, ` ${line.label} `, value);
      box.append(button);
      return { button, value };
    });
  }

  function start(figure) {
    const chart = JSON.parse(figure.querySelector("script").textContent);
    const host = figure.querySelector(".plot");
    const spoken = figure.querySelector(".spoken");
    const where = places(chart);
    const entries = legend(figure.querySelector(".legend"), chart);
    let plot = null;
    let at = null; // index in x of the values in the legend; null: each line's last value

    const lastOf = (values) => values.findLast((value) => value !== null);
    const showValues = () => {
      chart.lines.forEach((line, place) => {
        entries[place].value.textContent = shown(at === null ? lastOf(line.values) : line.values[at]);
      });
      figure.dataset.at = at === null ? "" : `${chart.x_title} ${chart.x[at]}`;
    };
    const draw = () => {
      const hidden = entries.map(({ button }) => button.getAttribute("aria-pressed") === "false");
      plot?.destroy();
      const { data, settings } = options(chart, host.clientWidth);
      settings.hooks = {
        setCursor: [
          (u) => {
            at = u.cursor.idx ?? null;
            showValues();
          },
        ],
      };
      plot = new uPlot(settings, data, host);
      hidden.forEach((is, place) => is && where[place].all.forEach((i) => plot.setSeries(i, { show: false })));
      showValues();
    };

    entries.forEach(({ button }, place) =>
      button.addEventListener("click", () => {
        const show = button.getAttribute("aria-pressed") === "false";
        button.setAttribute("aria-pressed", String(show));
        where[place].all.forEach((i) => plot.setSeries(i, { show }));
      }),
    );
    host.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const last = chart.x.length - 1;
      at = Math.min(last, Math.max(0, (at ?? (step > 0 ? -1 : last + 1)) + step));
      plot.setCursor({ left: plot.valToPos(chart.x[at], "x"), top: 0 });
      showValues();
      spoken.textContent = `${chart.x_title} ${chart.x[at]}: ${chart.lines
        .map((line) => `${line.label} ${shown(line.values[at])}`)
        .join(", ")}`;
    });
    host.addEventListener("blur", () => plot.setCursor({ left: -10, top: -10 }));
    document.addEventListener("theme", draw);
    new ResizeObserver(() => {
      if (plot && host.clientWidth && plot.width !== host.clientWidth)
        plot.setSize({ width: host.clientWidth, height: HEIGHT });
    }).observe(host);
    draw();
  }

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
  window.addEventListener("beforeprint", () => [...waiting].forEach(begin)); // a printed page does not scroll
  return { start };
})();
