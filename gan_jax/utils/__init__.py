"""Helpers without GAN-specific code: files, text, signals, compilation."""
