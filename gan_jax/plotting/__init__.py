"""Numbers to figures; nothing here reads or writes a file."""
