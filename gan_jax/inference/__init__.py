"""Trained generators: loading, sampling, interpolation, export."""
