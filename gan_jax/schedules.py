"""Schedules of discriminator steps, epoch by epoch, as a small language.

    schedule := phase ("," phase)*          the phases follow each other without a gap, from epoch 1 on
    phase    := epochs ":" steps            "2-10: 8" takes 8 steps in epochs 2 to 10, "31-: 1" one from 31 on
    epochs   := N | N "-" N | N "-"         the last phase, and only the last, is open
    steps    := N ("/" N)*                  "1/2" alternates, beginning with 1 in the phase's first epoch

A schedule that never changes is written as its steps alone: "4" is "1-: 4".
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from gan_jax.errors import UserError

MAX_STEPS = 1000  # a slip of the keyboard, rather than a wish, beyond this
_EPOCHS = r"(?P<first>\d+)\s*(?:(?P<range>-)\s*(?P<last>\d+)?\s*)?:"
_PHASE = re.compile(rf"(?:{_EPOCHS})?\s*(?P<steps>\d+(?:\s*/\s*\d+)*)", re.ASCII)
_EXAMPLE = "for example '4', '1: 32, 2-: 1' or '1-50: 1, 51-: 1/2'"


@dataclass(frozen=True)
class Phase:
    """From `first_epoch` (counting from 1) until the next phase, the steps of `cycle` in turn."""

    first_epoch: int
    cycle: tuple[int, ...]


@dataclass(frozen=True)
class Schedule:
    """Discriminator steps per iteration for every epoch; phases in order, the first beginning at epoch 1.

    >>> import gan_jax
    >>> schedule = gan_jax.Schedule.parse("1: 32, 2-: 1/2")
    >>> [schedule.steps(epoch) for epoch in (1, 2, 3, 4)]
    [32, 1, 2, 1]
    """

    phases: tuple[Phase, ...]

    def __post_init__(self) -> None:
        starts = [phase.first_epoch for phase in self.phases]
        if not starts or starts[0] != 1 or any(b <= a for a, b in pairwise(starts)):
            raise UserError("a schedule's phases begin at epoch 1 and follow each other")
        for phase in self.phases:
            if not phase.cycle or not all(1 <= steps <= MAX_STEPS for steps in phase.cycle):
                raise UserError(f"discriminator steps are from 1 to {MAX_STEPS}, not {'/'.join(map(str, phase.cycle))}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The schedule that `text` writes in this module's language; UserError says what is wrong with it."""
        matches = [_PHASE.fullmatch(part.strip()) for part in text.split(",")]
        if None in matches:
            raise UserError(f"cannot read the discriminator steps {text!r}: write them {_EXAMPLE}")
        phases = []
        next_epoch: int | None = 1  # None once a phase has no end
        for match in matches:
            assert match is not None
            # Ten digits are more epochs or steps than anyone means, and int() balks at thousands of them.
            if any(len(number) > 9 for number in re.findall(r"\d+", match[0])):
                raise UserError(f"a number in the discriminator steps {text[:60]!r} is too long")
            first = int(match["first"] or 1)
            if first != next_epoch:
                wanted = "the phase before it has no end" if next_epoch is None else f"epoch {next_epoch} is next"
                raise UserError(f"discriminator steps {text!r}: a phase begins at epoch {first}, but {wanted}")
            phases.append(Phase(first, tuple(int(steps) for steps in match["steps"].split("/"))))
            is_open = match["first"] is None or (match["range"] is not None and match["last"] is None)
            next_epoch = None if is_open else int(match["last"] or first) + 1
        if next_epoch is not None:
            raise UserError(f"discriminator steps {text!r}: say what follows epoch {next_epoch - 1}, {_EXAMPLE}")
        return cls(tuple(phases))

    def __str__(self) -> str:
        """The schedule as text that `parse` reads back."""
        if len(self.phases) == 1:
            return "/".join(map(str, self.phases[0].cycle))
        ends = [phase.first_epoch - 1 for phase in self.phases[1:]]
        parts = []
        for phase, last in zip(self.phases, [*ends, None], strict=True):
            epochs = f"{phase.first_epoch}" if last == phase.first_epoch else f"{phase.first_epoch}-{last or ''}"
            parts.append(f"{epochs}: {'/'.join(map(str, phase.cycle))}")
        return ", ".join(parts)

    def steps(self, epoch: int) -> int:
        """Discriminator steps per iteration in `epoch`, counting from 1."""
        phase = max((p for p in self.phases if p.first_epoch <= epoch), key=lambda p: p.first_epoch)
        return phase.cycle[(epoch - phase.first_epoch) % len(phase.cycle)]


ONE_STEP = Schedule((Phase(1, (1,)),))
