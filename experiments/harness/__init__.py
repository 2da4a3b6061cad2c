"""Parts that every command shares: options, JAX's start, data and classifier, progress, comparisons."""
