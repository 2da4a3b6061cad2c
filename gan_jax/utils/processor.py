"""Properties of the processor, as the operating system reports them."""

import platform
import re
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")  # on Linux only
# Instructions that multiply bfloat16, on x86-64 and AArch64. Without them XLA converts the operands to float32.
BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16", "svebf16"}


def processor() -> str:
    """Return the processor's name."""
    named = re.search(r"^model name\s*: (.*)$", _cpuinfo(), re.MULTILINE)
    return named[1].strip() if named else platform.processor() or platform.machine()


def lacks_bfloat16() -> bool:
    """Return True if the processor is known to have no instructions for products of bfloat16."""
    listed = re.search(r"^(?:flags|Features)\s*:(.*)$", _cpuinfo(), re.MULTILINE)
    return listed is not None and not BFLOAT16 & set(listed[1].split())


def _cpuinfo() -> str:
    try:
        return CPUINFO.read_text(encoding="utf-8")
    except OSError:
        return ""
