"""The search in the advanced settings."""

import pytest

from ui_components.train.new_run.settings import ACCORDIONS
from ui_components.train.new_run.settings_filter import filter_settings, matching_settings


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("gradient checkpointing", "compute.recompute"),  # the label
        ("lora.rank", "lora.rank"),  # the name
        ("NOISE FOLDER", "distillation.noisy_share"),  # the help
        ("optimiser warm-up", "warmup_share"),  # the group and the label
    ],
)
def test_settings_are_found_by_label_name_help_and_group(query, name):
    assert name in matching_settings(query.casefold().split())


def test_search_hides_other_settings_and_opens_the_groups_with_a_match(studio):
    update = filter_settings(studio, "warm")
    shown = {title: (a.visible, a.open) for title, a in zip(ACCORDIONS, update.accordions, strict=True)}
    assert shown["Optimiser"] == (True, True)
    assert shown["Distillation"] == (False, False)
    assert "#set-lora-rank" in update.note
    assert "#set-warmup-share" not in update.note
    assert "#set-corpus," not in update.note  # a basic setting stays


@pytest.mark.parametrize("query", ["", None, "w", "  "])
def test_search_without_words_shows_all_settings(studio, query):
    update = filter_settings(studio, query)
    assert update.note == ""
    assert all(accordion.visible and not accordion.open for accordion in update.accordions)


def test_search_without_a_match_says_so(studio):
    assert "No setting matches “&lt;b&gt;”." in filter_settings(studio, " <b> ").note
