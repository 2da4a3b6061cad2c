"""Flags of every command: wrong types and ranges, unknown and doubled ones, and names that try to leave --out."""

import pytest

from experiments.parts import PARTS
from tests.malformed.refusal import assert_refused

LONG = "9" * 5000

FLAGS = {
    # What is no command.
    "no such command": ["part_d"],
    "empty command": [""],
    "command with a newline": ["part_a\npart_b"],
    "command with an escape": ["\x1b[2Jpart_a"],
    "command in another script": ["p\N{CYRILLIC SMALL LETTER A}rt_a"],
    "two commands": ["part_a", "part_b"],
    "option for a command": ["--epochs", "3"],
    # What is no option, or one too many.
    "misspelt": ["part_a", "--epoch", "3"],
    "in capitals": ["part_a", "--EPOCHS", "3"],
    "one dash": ["part_a", "-epochs", "3"],
    "dash of another kind": ["part_a", "\N{EM DASH}epochs", "3"],
    "another command's": ["part_a", "--loss", "saturating"],
    "the dataclass itself": ["part_a", "--options", '{"epochs": 3}'],
    "part of the dataclass": ["part_a", "--options.epochs", "3"],
    "negated": ["part_a", "--no-overwrite"],
    "doubled": ["part_a", "--epochs", "3", "--epochs", "4"],
    "doubled flag with a value": ["part_a", "--overwrite", "yes"],
    "flag that may be": ["part_a", "--overwrite=maybe"],
    "value missing": ["part_a", "--epochs"],
    "value missing before an option": ["part_a", "--epochs", "--seed", "3"],
    "value empty": ["part_a", "--epochs="],
    "argument too many": ["part_a", "extra", "words"],
    "argument after two dashes": ["part_a", "--", "--epochs"],
    "positional options": ["part_a", "3", "4"],
    # Whole numbers.
    "epochs in words": ["part_a", "--epochs", "many"],
    "epochs empty": ["part_a", "--epochs", ""],
    "no epochs": ["part_a", "--epochs", "0"],
    "negative epochs": ["part_a", "--epochs", "-1"],
    "fraction of an epoch": ["part_a", "--epochs", "1.5"],
    "epochs in science": ["part_a", "--epochs", "1e3"],
    "epochs in hexadecimal": ["part_a", "--epochs", "0x10"],
    "epochs with Python's mark": ["part_a", "--epochs", "1_000"],
    "epochs in Arabic digits": ["part_a", "--epochs", "\N{ARABIC-INDIC DIGIT THREE}"],
    "epochs without end": ["part_a", "--epochs", LONG],
    "epochs beyond the most": ["part_a", "--epochs", "100001"],
    "epochs not a number": ["part_a", "--epochs", "nan"],
    "epochs infinite": ["part_a", "--epochs", "inf"],
    "epochs with a newline": ["part_a", "--epochs", "3\n4"],
    "negative seed": ["part_a", "--seed", "-1"],
    "seed beyond 32 bits": ["part_a", "--seed", str(2**32)],
    "seed true": ["part_a", "--seed", "true"],
    "batch of none": ["part_b", "--batch-size", "0"],
    "batch beyond 64 bits": ["part_b", "--batch-size", str(2**70)],
    "no devices": ["part_b", "--devices", "0"],
    "devices that are not there": ["part_b", "--devices", "4096"],
    "no checkpoints": ["part_c1", "--checkpoint-every", "0"],
    "samples backwards": ["part_c1", "--samples-every", "-2"],
    "evaluations backwards": ["part_c1", "--evaluate-every", "-1"],
    "no width": ["train", "--width", "0"],
    "width beyond the most": ["train", "--width", "65"],
    # Real numbers.
    "learning rate of nothing": ["part_c2", "--learning-rate", "0"],
    "negative learning rate": ["part_c2", "--learning-rate", "-1e-3"],
    "learning rate not a number": ["part_c2", "--learning-rate", "nan"],
    "learning rate infinite": ["part_c2", "--learning-rate", "inf"],
    "learning rate beyond float64": ["part_c2", "--learning-rate", "1e999"],
    "learning rate below float32": ["part_c2", "--learning-rate", "1e-60"],
    "learning rate with a comma": ["part_c2", "--learning-rate", "0,001"],
    "learning rate complex": ["part_c2", "--learning-rate", "1j"],
    "target above one": ["train", "--real-target", "1.5"],
    "target below zero": ["train", "--fake-target", "-0.1"],
    "target not a number": ["train", "--generator-target", "nan"],
    "dropout of everything": ["train", "--dropout-rate", "1"],
    "dropout that rounds to everything": ["train", "--dropout-rate", "0.999995"],
    "decay of nothing": ["train", "--adam-b1", "1"],
    "decay that rounds to one": ["train", "--adam-b2", "0.99999999999"],
    "decay backwards": ["train", "--adam-b2", "-0.5"],
    # Words out of a few.
    "unknown data": ["part_c3", "--dataset", "cifar10"],
    "data by a path": ["part_c3", "--dataset", "../mnist"],
    "the name of one's own archives": ["part_c3", "--dataset", "archives"],
    "data from two sources": ["part_c3", "--dataset", "mnist", "--archives", "."],
    "unknown precision": ["part_c3", "--precision", "float8"],
    "unknown loss": ["train", "--loss", "mse"],
    # Schedules.
    "schedule empty": ["train", "--discriminator-steps", ""],
    "schedule of nothing": ["train", "--discriminator-steps", "0"],
    "schedule that ends": ["train", "--discriminator-steps", "1: 4"],
    "schedule with a gap": ["train", "--discriminator-steps", "1-2: 4, 5-: 1"],
    "schedule backwards": ["train", "--discriminator-steps", "5-2: 4, 6-: 1"],
    "schedule after its end": ["train", "--discriminator-steps", "1-: 4, 6-: 1"],
    "schedule without end": ["train", "--discriminator-steps", LONG],
    "schedule of too many": ["train", "--discriminator-steps", "1001"],
    "schedule in code": ["train", "--discriminator-steps", "__import__('os')"],
    "schedule of commas": ["train", "--discriminator-steps", "," * 100],
    # Several seeds.
    "no seeds": ["part_c4", "--seeds", "0"],
    "seeds without end": ["part_c4", "--seeds", "100000"],
    "seed twice": ["part_c4", "--seeds", "3,3"],
    "seeds with a hole": ["part_c4", "--seeds", "3,,4"],
    "seeds as a range": ["part_c4", "--seeds", "0-4"],
    "seeds beyond 32 bits": ["part_c4", "--seeds", f"1,{2**32}"],
    "seed and seeds": ["part_c4", "--seeds", "3", "--seed", "1"],
    "seeds too many for a name": ["part_c4", "--seeds", ",".join(map(str, range(0, 200, 2)))],
    # Names that are no part of a path.
    "name empty": ["part_a", "--name", ""],
    "name of a blank": ["part_a", "--name", " "],
    "name of this folder": ["part_a", "--name", "."],
    "name of the folder above": ["part_a", "--name", ".."],
    "name that climbs": ["part_a", "--name", "../x"],
    "name that climbs later": ["part_a", "--name", "a/../../b"],
    "name of a folder below": ["part_a", "--name", "a/b"],
    "name for Windows": ["part_a", "--name", "a\\b"],
    "name absolute": ["part_a", "--name", "/etc/passwd"],
    "name at home": ["part_a", "--name", "~"],
    "name hidden": ["part_a", "--name", ".ssh"],
    "name with a NUL": ["part_a", "--name", "a\0b"],
    "name with a newline": ["part_a", "--name", "a\nb"],
    "name with a newline at its end": ["part_a", "--name", "a\n"],
    "name with an escape": ["part_a", "--name", "a\x1b[2J"],
    "name with a leading dash": ["part_a", "--name=-rf"],
    "name with a trailing dot": ["part_a", "--name", "a."],
    "name with mathematics": ["part_a", "--name", "$x$"],
    "name of a formula": ["part_a", "--name", "=cmd|'/c calc'!A1"],
    "name with a column": ["part_a", "--name", "a|b"],
    "name with markup": ["part_a", "--name", "<script>"],
    "name with a variable": ["part_a", "--name", "$HOME"],
    "name in other letters": ["part_a", "--name", "é"],
    "name in wide letters": ["part_a", "--name", "\N{FULLWIDTH LATIN SMALL LETTER A}"],
    "name reversed": ["part_a", "--name", "a\N{RIGHT-TO-LEFT OVERRIDE}b"],
    "name too long": ["part_a", "--name", "x" * 101],
    "name without end": ["part_a", "--name", "x" * 100_000],
    "name too long with its seeds": ["part_a", "--name", "x" * 95, "--seeds", "1,2"],
    "name not in UTF-8": ["part_a", "--name", "a\udcff"],
    "one name for six": ["part_c", "--name", "x"],
    "one name for eight": ["all", "--name", "x"],
    # Folders that cannot be.
    "out empty": ["part_a", "--out", ""],
    "out with a NUL": ["part_a", "--out", "a\0b"],
    "out with a long part": ["part_a", "--out", "x" * 300],
    "out without end": ["part_a", "--out", "/".join(["x" * 200] * 100)],
    "archives nowhere": ["part_c5", "--archives", "/nonexistent"],
    "archives empty": ["part_c5", "--archives", ""],
    "archives with a NUL": ["part_c5", "--archives", "a\0b"],
    "archives too long": ["part_c5", "--archives", "x" * 5000],
    "archives with an escape": ["part_c5", "--archives", "\x1b[2J"],
    "archives with a newline": ["part_c5", "--archives", "a\nb"],
    "archives that are a device": ["part_c5", "--archives", "/dev/zero"],
    "classifier nowhere": ["part_c6", "--classifier", "/nonexistent"],
    "classifier empty": ["part_c6", "--classifier", ""],
    "classifier that is a folder": ["part_c6", "--classifier", "/"],
    "classifier that is a device": ["part_c6", "--classifier", "/dev/zero"],
    "classifier with a NUL": ["part_c6", "--classifier", "a\0b"],
    # The other commands' own.
    "comparison of nothing": ["compare"],
    "comparison of what is not there": ["compare", "/nonexistent"],
    "comparison of a NUL": ["compare", "a\0b"],
    "comparison of what is too long": ["compare", "x" * 300],
    "comparison of a file": ["compare", "/etc/passwd"],
    "comparison that climbs": ["compare", "/nonexistent", "--name", "../x"],
    "verification of nothing": ["verify"],
    "verification of what is not there": ["verify", "/nonexistent"],
    "verification of a file": ["verify", "/etc/passwd"],
    "verification of two": ["verify", "a", "b"],
    "verification of a NUL": ["verify", "a\0b"],
    "verification of what is too long": ["verify", "x" * 300],
    "no iterations": ["saturation", "--iterations", "0"],
    "iterations in words": ["saturation", "--iterations", "some"],
    "iterations beyond the most": ["saturation", "--iterations", "1000001"],
    "frozen at no epoch": ["saturation", "--epochs", "0"],
    "frozen at an epoch of many": ["saturation", "--epochs", "1001"],
    "frozen at nothing": ["saturation", "--epochs", ""],
    "frozen twice": ["saturation", "--epochs", "3,3"],
    "saturation of unknown data": ["saturation", "--dataset", "cifar10"],
    "unknown study": ["bench", "speed"],
    "no repeats": ["bench", "--repeats", "0"],
    "repeats without end": ["bench", "--repeats", LONG],
    "baseline of nothing": ["torch_baseline"],
    "baseline of no part": ["torch_baseline", "part_z"],
    "baseline of two precisions": ["torch_baseline", "part_a", "--autocast", "--precision", "float32"],
    "baseline of no epochs": ["torch_baseline", "part_a", "--epochs", "0"],
    "ridge without a target": ["ridge", "--data", "x.csv"],
    "ridge without data": ["ridge", "--target", "y"],
    "ridge of nowhere": ["ridge", "--data", "/nonexistent", "--target", "y"],
    "ridge of a folder": ["ridge", "--data", "/", "--target", "y"],
    "ridge of a NUL": ["ridge", "--data", "a\0b", "--target", "y"],
    "no penalty": ["ridge", "--penalty-strength", "0"],
    "negative penalty": ["ridge", "--penalty-strength", "-1"],
    "penalty not a number": ["ridge", "--penalty-strength", "nan"],
    "penalty infinite": ["ridge", "--penalty-strength", "inf"],
    "penalty beyond squaring": ["ridge", "--penalty-strength", "1e300"],
    "negative seed of maps": ["change_of_variables", "--seed", "-1"],
    "fraction of a seed of maps": ["change_of_variables", "--seed", "0.5"],
    "seed of maps beyond the most": ["change_of_variables", "--seed", "9" * 18],
}  # fmt: skip
COMMANDS = (*PARTS, "part_c", "all", "train", "compare", "verify", "saturation", "bench", "torch_baseline", "ridge",
            "change_of_variables")  # fmt: skip


@pytest.mark.parametrize("arguments", FLAGS.values(), ids=FLAGS)
def test_a_flag_is_refused(call, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)  # where a path that is taken as relative would be made
    command, *rest = arguments
    out = ["--out", tmp_path / "runs"] if command in COMMANDS and "--out" not in rest else []
    assert_refused(call, tmp_path, command, *out, *rest)  # in this order: a value that is missing must stay the last


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["--unknown", "--out", "--\0", "--=", "---", "-\N{SNOWMAN}"])
def test_no_command_takes_any_flag(call, tmp_path, monkeypatch, command, flag):
    """`--out` comes without its folder."""
    monkeypatch.chdir(tmp_path)
    assert_refused(call, tmp_path, command, flag)


OUTS = {"where none can be": "/proc/nowhere", "in a file": "/etc/passwd/x", "a device": "/dev/null"}


@pytest.mark.parametrize("out", OUTS.values(), ids=OUTS)
def test_a_folder_that_cannot_be_is_refused(call, tmp_path, small_archives, out):
    assert_refused(call, tmp_path, "part_a", "--archives", small_archives, "--out", out)
