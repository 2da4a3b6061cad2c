"""Figures from numbers; nothing here reads or writes a file."""
