"""Facts about the processor, as the system tells them."""

import platform
import re
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")  # of Linux; elsewhere less is known
# Instructions that multiply bfloat16: of x86-64, of AArch64. Without them XLA converts the operands to float32.
BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16", "svebf16"}


def processor() -> str:
    """The processor's name."""
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
