"""Checks and drawings of the exercise notebook, which say in words what is wrong with an answer.

    from experiments.exercises import check, draw

The exercises are in experiments/exercises_solutions.ipynb, from which experiments.scripts.make_exercises makes
experiments/exercises.ipynb.
"""
