"""The models are the one statement of the fields: whole, described, and alone with pydantic."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from pathlib import Path

import pytest

import pipeline.manifest
from pipeline.manifest import Defaults, Limits
from pipeline.manifest.fields import (
    ClipFields,
    DefaultFields,
    GroupFields,
    HeadFields,
    JobFields,
    KeyframeFields,
    LimitFields,
    ManifestFields,
    TemplateFields,
    names,
    shape,
)

MODELS = [DefaultFields, GroupFields, HeadFields, JobFields, KeyframeFields, LimitFields, ManifestFields]


def test_the_fields_there_are() -> None:
    assert set(ManifestFields.model_fields) == {
        *("version", "batch", "provider", "defaults", "limits", "jobs", "groups"),
        *("prices", "brake", "on_unknown", "max_unknown_usd"),
    }
    assert set(names(TemplateFields)) == {"from", "limit", "encoding", "delimiter", "matrix", "repeat"}
    assert set(names(JobFields)) == {*names(ClipFields), *names(TemplateFields)}
    assert set(names(ClipFields)) == {
        *(
            "id",
            "prompt",
            "model",
            "duration",
            "aspect_ratio",
            "resolution",
            "generate_audio",
            "user",
            "tags",
        ),
        *("image", "image_id", "reference_images", "last_frame", "keyframes", "resize"),
        *("edit", "extend", "revision", "allow", "priority"),
    }


@pytest.mark.parametrize("model", MODELS)
def test_every_field_is_described_with_examples(model: type[HeadFields]) -> None:
    for name, field in zip(names(model), model.model_fields.values(), strict=True):
        assert field.description, name
        assert field.examples, name
        assert shape(model, name).expected, name


@pytest.mark.parametrize("model", MODELS)
def test_the_models_give_a_json_schema_without_null(model: type[HeadFields]) -> None:
    schema = model.model_json_schema()
    assert "'type': 'null'" not in str(schema)
    assert schema["additionalProperties"] is False


def test_what_is_handed_on_knows_every_field() -> None:
    units = {
        "duration": "duration_s",
        "job_deadline": "job_deadline_s",
        "budget_usd": "budget_ticks",
        "month_usd": "month_ticks",
    }
    for data, model in ((Defaults, DefaultFields), (Limits, LimitFields)):
        assert {field.name for field in dataclass_fields(data)} - {"run_budget_ticks"} == {
            units.get(name, name) for name in model.model_fields
        }


def test_pydantic_stands_in_one_file() -> None:
    folder = Path(pipeline.manifest.__file__).parent
    users = {
        file.name for file in folder.glob("*.py") if "pydantic import" in file.read_text(encoding="utf-8")
    }
    assert users == {"fields.py"}
