"""Trained generators: loading, sampling, interpolating, exporting."""
