"""The promised number of malformed inputs, each of a different kind; those from hypothesis come on top."""

from tests.malformed import (
    run_files,
    test_archives,
    test_checkpoint_folders,
    test_csv_and_weights,
    test_environment,
    test_flags,
)

PROMISED = 150
TABLES = {
    "flags": [test_flags.FLAGS, test_flags.OUTS],
    "archives": [test_archives.REPLACED, test_archives.DAMAGED, test_archives.OF_LABELS, test_archives.TOO_FEW],
    "CSVs": [test_csv_and_weights.TABLES, run_files.METRICS],
    "weights": [test_csv_and_weights.WEIGHT_FILES, test_csv_and_weights.DESCRIPTIONS],
    "checkpoints and run folders": [test_checkpoint_folders.CHECKPOINTS, run_files.MANIFESTS, run_files.SAMPLES],
    "configurations": [run_files.CONFIGS],
    "environment variables": [test_environment.REFUSED, test_environment.REFUSED_AT_THE_START],
}


def test_the_promised_number_of_malformed_inputs():
    counts = {kind: sum(map(len, tables)) for kind, tables in TABLES.items()}
    assert min(counts.values()) >= 10
    assert sum(counts.values()) >= PROMISED
    inputs = [repr(arguments) for arguments in test_flags.FLAGS.values()]
    assert len(set(inputs)) == len(inputs)
