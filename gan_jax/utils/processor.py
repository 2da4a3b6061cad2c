"""Properties of the processor, as the operating system reports them."""

import platform
import re
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")  # on Linux only
# CPU flags of instructions that multiply bfloat16, on x86-64 and AArch64. Without them XLA multiplies in float32.
BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16", "svebf16"}


def processor() -> str:
    """Return the processor's name."""
    match = re.search(r"^model name\s*: (.*)$", _cpuinfo(), re.MULTILINE)
    return match[1].strip() if match else platform.processor() or platform.machine()


def lacks_bfloat16() -> bool:
    """Return True if the processor's flags are known, and none is of instructions that multiply bfloat16."""
    flags = re.search(r"^(?:flags|Features)\s*:(.*)$", _cpuinfo(), re.MULTILINE)
    return flags is not None and not BFLOAT16 & set(flags[1].split())


def _cpuinfo() -> str:
    try:
        return CPUINFO.read_text(encoding="utf-8")
    except OSError:
        return ""
