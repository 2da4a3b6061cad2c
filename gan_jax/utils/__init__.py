"""Helpers that know nothing of GANs: files, text, signals, compilation."""
