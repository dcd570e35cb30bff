"""Waves of the synthetic study, joined to behaviour, for the tests of risk."""

import numpy as np


def asked_points(survey):
    """(n,) 0-100 mean of the satisfaction questions, as the study's truth counts them."""
    questions = [c for c in survey.answers.columns if c.startswith("SATI")]
    return ((survey.answers[questions].mean(axis=1) - 1) / 9 * 100).to_numpy()


def wave_of(study, name):
    """A wave's answers joined to its base, and who is dissatisfied."""
    linked = study.link(study.read(name), study.behaviour)
    points = asked_points(linked.survey)
    return linked, np.where(np.isnan(points), np.nan, (points < 60) * 1.0)
