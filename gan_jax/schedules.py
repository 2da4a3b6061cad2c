"""Schedules of discriminator steps per iteration, which may change from epoch to epoch, as a small language.

    schedule := phase ("," phase)*          phases follow each other without a gap, from epoch 1 on
    phase    := epochs ":" steps            "2-10: 8" takes 8 steps in epochs 2 to 10, "31-: 1" one step from 31 on
    epochs   := N | N "-" N | N "-"         the last phase, and only the last, has no end
    steps    := N ("/" N)*                  "1/2" alternates, beginning with 1 in the phase's first epoch

A constant schedule is written as its steps only: "4" means "1-: 4".
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from gan_jax.errors import UserError

MAX_STEPS = 1000  # larger numbers are assumed to be typing errors
_EPOCHS = r"(?P<first>\d+)\s*(?:(?P<range>-)\s*(?P<last>\d+)?\s*)?:"
_PHASE = re.compile(rf"(?:{_EPOCHS})?\s*(?P<steps>\d+(?:\s*/\s*\d+)*)", re.ASCII)
_EXAMPLE = "for example '4', '1: 32, 2-: 1' or '1-50: 1, 51-: 1/2'"


@dataclass(frozen=True)
class Phase:
    """Part of a schedule: its epochs, from `first_epoch` (counting from 1) on, repeat the steps of `cycle`."""

    first_epoch: int
    cycle: tuple[int, ...]


@dataclass(frozen=True)
class Schedule:
    """Discriminator steps per iteration in every epoch; phases are in order, and the first begins at epoch 1.

    >>> import gan_jax
    >>> schedule = gan_jax.Schedule.parse("1: 32, 2-: 1/2")
    >>> [schedule.steps(epoch) for epoch in (1, 2, 3, 4)]
    [32, 1, 2, 1]
    """

    phases: tuple[Phase, ...]

    def __post_init__(self) -> None:
        starts = [phase.first_epoch for phase in self.phases]
        if not starts or starts[0] != 1 or any(b <= a for a, b in pairwise(starts)):
            raise UserError("a schedule must begin at epoch 1, and its phases must be in order")
        for phase in self.phases:
            if not phase.cycle or not all(1 <= steps <= MAX_STEPS for steps in phase.cycle):
                steps = "/".join(map(str, phase.cycle))
                raise UserError(f"discriminator steps must be from 1 to {MAX_STEPS}, not {steps}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a schedule written in this module's language.

        Raises:
            UserError: if the text is not a schedule.
        """
        matches = [_PHASE.fullmatch(part.strip()) for part in text.split(",")]
        if None in matches:
            raise UserError(f"cannot read the discriminator steps {text!r}: write them {_EXAMPLE}")
        phases = []
        next_epoch: int | None = 1  # None after a phase without an end
        for match in matches:
            assert match is not None
            # Nobody means ten digits of epochs or steps, and int() refuses thousands of digits.
            if any(len(number) > 9 for number in re.findall(r"\d+", match[0])):
                raise UserError(f"a number in the discriminator steps {text[:60]!r} is too long")
            first = int(match["first"] or 1)
            if first != next_epoch:
                wrong = "follows one without an end" if next_epoch is None else f"should begin at epoch {next_epoch}"
                raise UserError(f"discriminator steps {text!r}: a phase begins at epoch {first}, but {wrong}")
            phases.append(Phase(first, tuple(int(steps) for steps in match["steps"].split("/"))))
            is_open = match["first"] is None or (match["range"] is not None and match["last"] is None)
            next_epoch = None if is_open else int(match["last"] or first) + 1
        if next_epoch is not None:
            end = f"the schedule stops after epoch {next_epoch - 1}"
            raise UserError(f"discriminator steps {text!r}: {end}; add an open phase such as '{next_epoch}-: 1'")
        return cls(tuple(phases))

    def __str__(self) -> str:
        """Format the schedule as text for `parse`."""
        if len(self.phases) == 1:
            return "/".join(map(str, self.phases[0].cycle))
        ends = [phase.first_epoch - 1 for phase in self.phases[1:]]
        parts = []
        for phase, last in zip(self.phases, [*ends, None], strict=True):
            epochs = f"{phase.first_epoch}" if last == phase.first_epoch else f"{phase.first_epoch}-{last or ''}"
            parts.append(f"{epochs}: {'/'.join(map(str, phase.cycle))}")
        return ", ".join(parts)

    def steps(self, epoch: int) -> int:
        """Return the discriminator steps per iteration in `epoch`, counting from 1."""
        phase = max((p for p in self.phases if p.first_epoch <= epoch), key=lambda p: p.first_epoch)
        return phase.cycle[(epoch - phase.first_epoch) % len(phase.cycle)]


ONE_STEP = Schedule((Phase(1, (1,)),))
