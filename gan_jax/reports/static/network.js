// Fully connected networks with LeakyReLU(0.2) between the layers, as gan_jax.models.mlp has them, without dropout.
"use strict";

const GanNetwork = (() => {
  const LEAKY_SLOPE = 0.2;

  // The 65 536 values that a float16 can take.
  const halves = Float32Array.from({ length: 65536 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = (bits & 0x3ff) / 1024;
    if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction);
  });

  // Base64 of little-endian float16, each layer's kernel, row by row, and its bias -> layers of Float32Array.
  function load(base64, shapes) {
    const bytes = atob(base64);
    let at = 0;
    const take = (count) => {
      const values = new Float32Array(count);
      for (let i = 0; i < count; i++, at += 2) values[i] = halves[bytes.charCodeAt(at) | (bytes.charCodeAt(at + 1) << 8)];
      return values;
    };
    return shapes.map(([inputs, outputs]) => ({
      kernel: take(inputs * outputs),
      bias: take(outputs),
      hidden: new Float32Array(outputs),
    }));
  }

  // Float32Array (inputs) -> (outputs), before the last activation; valid until the next call.
  function forward(layers, input) {
    let values = input;
    layers.forEach(({ kernel, bias, hidden }, layer) => {
      const width = hidden.length;
      hidden.set(bias);
      for (let i = 0, start = 0; i < values.length; i++, start += width) {
        const value = values[i];
        for (let j = 0; j < width; j++) hidden[j] += value * kernel[start + j];
      }
      if (layer < layers.length - 1)
        for (let j = 0; j < width; j++) if (hidden[j] < 0) hidden[j] *= LEAKY_SLOPE;
      values = hidden;
    });
    return values;
  }

  return {
    load,
    // Latent Float32Array (128) -> image Float32Array (784) in [-1, 1].
    generate: (layers, latent) => forward(layers, latent).map(Math.tanh),
    // Image Float32Array (784) -> D's output, the probability that it is real: the sigmoid of its logit minus an offset.
    probability: (layers, image, offset) => 1 / (1 + Math.exp(offset - forward(layers, image)[0])),
  };
})();
