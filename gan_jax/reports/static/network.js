// Fully connected networks with LeakyReLU(0.2) between the layers, as gan_jax.models.mlp has them, without dropout.
"use strict";

const GanNetwork = (() => {
  const LEAKY_SLOPE = 0.2;
  const KINDS = { F32: Float32Array, I8: Int8Array };

  // Base64 of what gan_jax.inference.quantized.compress writes -> {name: typed array}.
  async function tensors(base64) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const content = await new Response(stream).arrayBuffer();
    const start = 8 + Number(new DataView(content).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(content.slice(8, start)));
    const read = ({ dtype, data_offsets: [from, to] }) => new KINDS[dtype](content.slice(start + from, start + to));
    return Object.fromEntries(
      Object.entries(header)
        .filter(([name]) => name !== "__metadata__")
        .map(([name, found]) => [name, read(found)]),
    );
  }

  // Layers of Float32Array, in the order of their names; a kernel is stored as integers and a scale for each column.
  async function load(base64, names) {
    const found = await tensors(base64);
    return names.map((name) => {
      const scale = found[`${name}.kernel.scale`];
      const kernel = Float32Array.from(found[`${name}.kernel`]);
      for (let start = 0; start < kernel.length; start += scale.length)
        for (let j = 0; j < scale.length; j++) kernel[start + j] *= scale[j];
      return { kernel, bias: found[`${name}.bias`], hidden: new Float32Array(scale.length) };
    });
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
