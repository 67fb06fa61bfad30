"""The fields of a manifest: the one statement of their names, types, bounds and meaning.

pydantic stands here and nowhere else. `check` validates with these models and hands on what it found as plain
data; the descriptions and examples are for people and for the JSON Schema that editors read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.json_schema import SkipJsonSchema

from pipeline.manifest import patterns, rules
from pipeline.money import ANY


class Shape(NamedTuple):
    """How a field is read from YAML (`text`: as written, `value`: resolved), and what a person is told."""

    reads: Literal["text", "value"]
    expected: str


class FieldError(NamedTuple):
    """One thing wrong with a field's value. `rule` says it in full, else `expected` says what was wanted."""

    kind: Literal["missing", "unknown", "rule", "type"]
    field: str
    item: int | None = None  # index in a list
    inner: str = ""  # field of that item, if it is a mapping
    rule: str = ""
    expected: str = ""


Unset = SkipJsonSchema[None]  # "not in the file"; a null in the file is refused
Key = Annotated[str, AfterValidator(rules.check_key), Field(json_schema_extra=patterns.KEY)]
Line = Annotated[
    str, Field(max_length=500), AfterValidator(rules.check_line), Field(json_schema_extra=patterns.LINE)
]
Tag = Annotated[
    str, Field(max_length=100), AfterValidator(rules.check_line), Field(json_schema_extra=patterns.LINE)
]
Rate = Annotated[float, Field(gt=0, le=1000)]

Picture = Annotated[str, AfterValidator(rules.check_image), Field(json_schema_extra=patterns.PICTURE)]
Video = Annotated[str, AfterValidator(rules.check_source), Field(json_schema_extra=patterns.VIDEO)]
Prompt = Annotated[str, AfterValidator(rules.check_prompt), Field(json_schema_extra=patterns.PROMPT)]
Batch = Annotated[str, AfterValidator(rules.check_batch), Field(json_schema_extra=patterns.BATCH)]

Dollars = Annotated[float, Field(ge=0, le=1_000_000)]
Budget = Annotated[float, Field(gt=0, le=1_000_000)]
Brake = Annotated[str, AfterValidator(rules.check_brake), Field(json_schema_extra=patterns.BRAKE)]

DOLLARS = Shape("value", "a number of US dollars")
TEXT = Shape("text", "text")
PATH = "a path, an https URL or a data URI"
PICTURE = Shape("text", PATH)
VIDEO = Shape("text", "the id of another job or an https URL")
MAX_TAGS = 100


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True, allow_inf_nan=False)


class DefaultFields(_Fields):
    """Settings for every job that does not set its own."""

    model: Annotated[Line | Unset, TEXT] = Field(
        default=None,
        description="Model that makes the clip, as the gateway names it. Left out: the provider's usual one.",
        examples=["grok-imagine-video"],
    )
    duration: Annotated[
        Annotated[int, Field(ge=1, le=3600)] | Unset, Shape("value", "a whole number of seconds")
    ] = Field(
        default=None,
        description="Length of the clip in whole seconds. What a model offers: `nightreel providers`.",
        examples=[6, 10],
    )
    aspect_ratio: Annotated[Line | Unset, TEXT] = Field(
        default=None,
        description="Width to height. A picture to start from may decide it instead.",
        examples=["16:9", "9:16", "1:1"],
    )
    resolution: Annotated[Line | Unset, TEXT] = Field(
        default=None, description="Size of the picture; larger ones cost more.", examples=["480p", "720p"]
    )
    generate_audio: Annotated[bool | Unset, Shape("value", "true or false")] = Field(
        default=None,
        description="Whether the clip has sound, for models that let one choose.",
        examples=[False],
    )
    resize: Annotated[
        Annotated[int, Field(ge=64, le=10_000)] | Unset, Shape("value", "a whole number of pixels")
    ] = Field(
        default=None,
        description="Pictures from disk are sent with at most this many pixels on their longer side.",
        examples=[1280],
    )
    allow: Annotated[
        Annotated[list[Tag], Field(max_length=MAX_TAGS)] | Unset, Shape("text", "a list of names")
    ] = Field(
        default=None,
        description=(
            "Rules of the provider's table to widen, by name, where the vendor's pages contradict each other;"
            " `nightreel providers` lists them. A job's own list replaces that of the defaults."
        ),
        examples=[["stable-480p"]],
    )
    tags: Annotated[
        Annotated[list[Tag], Field(max_length=MAX_TAGS)] | Unset, Shape("text", "a list of texts")
    ] = Field(
        default=None,
        description="Labels to select jobs by. A job's own tags replace those of the defaults.",
        examples=[["hero", "draft"]],
    )
    user: Annotated[Line | Unset, TEXT] = Field(
        default=None,
        description="Whom the clip is made for; passed on to gateways that take it.",
        examples=["customer-17"],
    )

    priority: Annotated[Annotated[int, Field(ge=-100, le=100)] | Unset, Shape("value", "a whole number")] = (
        Field(
            default=None,
            description="Jobs with a higher one are sent first; 0 if left out.",
            examples=[10, -5],
        )
    )


class KeyframeFields(_Fields):
    """A picture that the clip passes through, and when."""

    image: Annotated[Picture, PICTURE] = Field(description="The picture.", examples=["images/desk.png"])
    timestamp_s: Annotated[Annotated[float, Field(ge=0, le=3600)], Shape("value", "a number of seconds")] = (
        Field(description="When the clip shows it, in seconds from its start.", examples=[2, 3.333])
    )


class ClipFields(DefaultFields):
    """One clip to make, with every name in it filled."""

    id: Annotated[Key | Unset, TEXT] = Field(
        default=None,
        description=(
            f"The job's key, and its file name below clips/: {rules.KEY_RULE}. Unique, also when case is "
            "ignored. Left out: made from the prompt."
        ),
        examples=["fox-3", "spring/fox-3"],
    )
    prompt: Annotated[Prompt, TEXT] = Field(
        description="What the clip shows.", examples=["A candle flickers on a wooden table."]
    )
    image: Annotated[Picture | Unset, PICTURE] = Field(
        default=None,
        description="Picture to start from: a path (next to the manifest), an https URL or a data URI.",
        examples=["images/desk.png", "https://example.com/desk.png"],
    )
    image_id: Annotated[Line | Unset, TEXT] = Field(
        default=None,
        description=(
            "What the picture is known by where its URL is another one every time: only a new `image_id`"
            " makes the clip anew."
        ),
        examples=["desk-v2"],
    )
    reference_images: Annotated[
        Annotated[list[Picture], Field(min_length=1, max_length=MAX_TAGS)] | Unset,
        Shape("text", "a list of pictures"),
    ] = Field(
        default=None,
        description="Pictures of what the clip should show, without starting from them.",
        examples=[["images/fox.png", "images/snow.jpg"]],
    )
    last_frame: Annotated[Picture | Unset, PICTURE] = Field(
        default=None, description="Picture that the clip ends with.", examples=["images/end.png"]
    )
    keyframes: Annotated[
        Annotated[list[KeyframeFields], Field(min_length=1, max_length=MAX_TAGS)] | Unset,
        Shape("value", "a list of pictures with times"),
    ] = Field(
        default=None,
        description="Pictures that the clip passes through, each with its time.",
        examples=[[{"image": "images/desk.png", "timestamp_s": 2}]],
    )
    edit: Annotated[Video | Unset, VIDEO] = Field(
        default=None,
        description="Video to edit: the id of another job, whose clip it waits for, or an https URL.",
        examples=["candle", "https://example.com/candle.mp4"],
    )
    extend: Annotated[Video | Unset, VIDEO] = Field(
        default=None,
        description=(
            "Video to go on from: the id of another job, whose clip it waits for, or an https URL. `duration`"
            " is then the length of what is added."
        ),
        examples=["candle", "https://example.com/candle.mp4"],
    )
    revision: Annotated[Line | Unset, TEXT] = Field(
        default=None,
        description="Any text. A new one makes the clip anew; the old one is kept.",
        examples=["2", "warmer light"],
    )


class TemplateFields(_Fields):
    """How many clips a job stands for: one for each row, each combination of a matrix, each repeat."""

    source: Annotated[Line | Unset, Shape("text", "the name of one file, or a pattern")] = Field(
        default=None,
        alias="from",
        description=(
            "A file with a row for each clip (.csv, .tsv, .jsonl), or a pattern that matches pictures."
            " `${name}` is the value of a column; a column that is called like a field sets it."
        ),
        examples=["products.csv", "images/*.png"],
    )
    limit: Annotated[
        Annotated[int, Field(ge=1, le=100_000_000)] | Unset, Shape("value", "a whole number of rows")
    ] = Field(default=None, description="Only the first so many rows of `from`.", examples=[10])
    encoding: Annotated[Line | Unset, TEXT] = Field(
        default=None,
        description="How the file of `from` is encoded, where it is not UTF-8.",
        examples=["cp1252", "utf-16"],
    )
    delimiter: Annotated[
        Annotated[str, Field(min_length=1, max_length=1)] | Unset, Shape("text", "one character")
    ] = Field(
        default=None,
        description="What separates the cells of a .csv file, where it is not a comma.",
        examples=[";"],
    )
    matrix: Annotated[dict[str, Any] | Unset, Shape("value", "lists of values by name")] = Field(
        default=None,
        description=(
            "A clip for every combination of these values. `${name}` is a value; a name that is a field sets"
            " it. `exclude` takes combinations out, `include` adds values or combinations."
        ),
        examples=[{"style": ["noir", "watercolor"], "aspect_ratio": ["16:9", "9:16"]}],
        json_schema_extra=patterns.as_matrix,
    )
    repeat: Annotated[
        Annotated[int, Field(ge=1, le=1000)] | Unset, Shape("value", "a whole number of clips")
    ] = Field(
        default=None, description="So many clips of the same, with keys that end in -1, -2, ...", examples=[3]
    )


class JobFields(TemplateFields, ClipFields):
    """One clip to make, or one for each row of a file and each combination of a matrix."""


class GroupFields(_Fields):
    """Jobs with defaults of their own, which go before those of the manifest."""

    defaults: Annotated[DefaultFields | Unset, Shape("value", "a mapping of fields")] = Field(
        default=None,
        description="Settings for every job of the group that does not set its own.",
        examples=[{"aspect_ratio": "9:16"}],
    )
    jobs: Annotated[list[JobFields], Shape("value", "a list of jobs")] = Field(
        min_length=1, description="The clips to make.", examples=[[{"prompt": "A fox runs."}]]
    )


class LimitFields(_Fields):
    """How hard a run may press."""

    max_in_flight: Annotated[
        Annotated[int, Field(ge=1, le=10_000)] | Unset, Shape("value", "a whole number")
    ] = Field(default=None, description="Most jobs at the gateway at one time.", examples=[50])
    downloads: Annotated[Annotated[int, Field(ge=1, le=100)] | Unset, Shape("value", "a whole number")] = (
        Field(default=None, description="Most downloads at one time.", examples=[8])
    )
    submit_per_s: Annotated[Rate | Unset, Shape("value", "a number")] = Field(
        default=None, description="Most submissions per second.", examples=[1, 0.5]
    )
    poll_per_s: Annotated[Rate | Unset, Shape("value", "a number")] = Field(
        default=None, description="Most polls per second, over all jobs.", examples=[5]
    )
    poll_min_s: Annotated[
        Annotated[float, Field(gt=0, le=3600)] | Unset, Shape("value", "a number of seconds")
    ] = Field(default=None, description="Least seconds between two polls of one job.", examples=[5])
    share: Annotated[bool | Unset, Shape("value", "true or false")] = Field(
        default=None,
        description="Whether the account counts polls and submissions against one limit.",
        examples=[True],
    )
    job_deadline: Annotated[
        Annotated[float, BeforeValidator(rules.parse_duration, str | float), Field(ge=1, le=604_800)] | Unset,
        Shape("value", 'a duration such as "30m", "90s" or "1h30m", or a number of seconds'),
    ] = Field(
        default=None,
        description="How long a run waits for one job, from its acceptance: a duration or seconds.",
        examples=["30m", "90s", "1h30m", 1800],
        json_schema_extra=patterns.as_duration,
    )
    budget_usd: Annotated[Budget | Unset, DOLLARS] = Field(
        default=None,
        description="The most that this batch may cost, over all its runs, in US dollars.",
        examples=[25],
    )
    month_usd: Annotated[Budget | Unset, DOLLARS] = Field(
        default=None,
        description=(
            "The most that all batches of this account under one output folder may cost in a calendar month"
            " (UTC), in US dollars."
        ),
        examples=[200],
    )


class PriceFields(_Fields):
    """What a clip of one model costs you, in US dollars: the sum of its parts."""

    clip: Annotated[Dollars | Unset, DOLLARS] = Field(
        default=None, description="Each clip, however long.", examples=[0.4]
    )
    second: Annotated[
        Annotated[
            dict[str, Dollars],
            BeforeValidator(lambda found: found if isinstance(found, dict) else {ANY: found}, float | dict),
        ]
        | Unset,
        Shape("value", "a number of US dollars, or one for each resolution, such as {480p: 0.05}"),
    ] = Field(
        default=None,
        description="Each second of the clip: one price, or one for each resolution.",
        examples=[0.05, {"480p": 0.05, "720p": 0.07}],
        json_schema_extra=patterns.as_second,
    )
    picture: Annotated[Dollars | Unset, DOLLARS] = Field(
        default=None, description="Each picture that is sent.", examples=[0.01]
    )
    source_second: Annotated[Dollars | Unset, DOLLARS] = Field(
        default=None,
        description="Each second of the video that an edit or extension starts from.",
        examples=[0.01],
    )


class HeadFields(_Fields):
    """All but the jobs."""

    version: Annotated[
        # Literal[1] alone would also take `true` and `1.0`, which are equal to 1.
        Annotated[Literal[1], BeforeValidator(lambda found: found if type(found) is int else None)],
        Shape("value", "1, the only version there is"),
    ] = Field(description="Version of this format.", examples=[1])
    batch: Annotated[Batch | Unset, TEXT] = Field(
        default=None,
        description=(
            "Folder below the output folder. `${date}` in it is the day of the run, for a batch per night."
            " Left out: the file's name without its ending."
        ),
        examples=["launch-teasers", "nightly-${date}"],
    )
    provider: Annotated[Line | Unset, TEXT] = Field(
        default=None,
        description="Gateway to send the jobs to. `sim` is the built-in simulator: no key, no cost.",
        examples=["cometapi", "sim"],
    )
    defaults: Annotated[DefaultFields | Unset, Shape("value", "a mapping of fields")] = Field(
        default=None,
        description="Settings for every job that does not set its own.",
        examples=[{"duration": 6}],
    )
    limits: Annotated[LimitFields | Unset, Shape("value", "a mapping of fields")] = Field(
        default=None, description="How hard a run may press.", examples=[{"max_in_flight": 50}]
    )
    prices: Annotated[dict[str, PriceFields] | Unset, Shape("value", "a mapping of models to prices")] = (
        Field(
            default=None,
            description=(
                "What you pay, by model, where it is not the vendor's list price; `*` is every other model."
            ),
            examples=[{"grok-imagine-video": {"second": 0.05}, "*": {"clip": 0.4}}],
        )
    )
    brake: Annotated[Brake | Unset, TEXT] = Field(
        default=None,
        description=(
            "How many of the last 50 clips may be refused or fail before nothing more is sent: a share (20%"
            " if left out), or `off`."
        ),
        examples=["30%", "off"],
    )
    on_unknown: Annotated[Literal["hold", "resubmit"] | Unset, Shape("text", '"hold" or "resubmit"')] = Field(
        default=None,
        description=(
            "What the next run does with a take whose answer was lost: leave it to you (`hold`), or send it"
            " once more, although it may be running and billed (`resubmit`, with `max_unknown_usd`)."
        ),
        examples=["hold", "resubmit"],
    )
    max_unknown_usd: Annotated[Budget | Unset, DOLLARS] = Field(
        default=None,
        description="The most that `on_unknown: resubmit` may spend, over the batch's life.",
        examples=[2],
    )


class ManifestFields(HeadFields):
    """A whole manifest. Never used to validate: jobs are checked one by one as they stream past."""

    jobs: Annotated[
        Annotated[list[JobFields], Field(min_length=1)] | Unset, Shape("value", "a list of jobs")
    ] = Field(default=None, description="The clips to make.", examples=[[{"prompt": "A fox runs."}]])
    groups: Annotated[
        Annotated[list[GroupFields], Field(min_length=1)] | Unset, Shape("value", "a list of groups")
    ] = Field(
        default=None,
        description="Further jobs, in groups with their own defaults.",
        examples=[[{"defaults": {"aspect_ratio": "9:16"}, "jobs": [{"prompt": "A fox runs."}]}]],
    )


ITEMS: Mapping[str, type[_Fields]] = {"keyframes": KeyframeFields}
"""Lists whose items are mappings, and what those hold."""

NUMBERS = frozenset({"second"})
"""Fields that may hold a mapping of names to numbers."""

Model = TypeVar("Model", bound=_Fields)


def names(model: type[_Fields]) -> tuple[str, ...]:
    """As the manifest has them."""
    return tuple(info.alias or name for name, info in model.model_fields.items())


def shape(model: type[_Fields], field: str) -> Shape:
    info = next(info for name, info in model.model_fields.items() if field == (info.alias or name))
    return next(item for item in info.metadata if isinstance(item, Shape))


def text_fields(model: type[_Fields]) -> frozenset[str]:
    return frozenset(name for name in names(model) if shape(model, name).reads == "text")


def check(model: type[Model], values: Mapping[str, object]) -> tuple[Model | None, list[FieldError]]:
    """The model, or None and what is wrong, field by field."""
    try:
        return model.model_validate(values), []
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_input=False)
        return None, [_plain(model, error) for error in errors if error["type"] != "none_required"]


_RULES = {"prompt": rules.check_prompt, "id": rules.check_key, "image": rules.check_image}
"""Of fields that differ from clip to clip. What others hold often repeats, and was right before."""
_right: dict[str, set[tuple[type, object]]] = {name: set() for name in ClipFields.model_fields}
_MOST_RIGHT = 1000


def clip_errors(values: Mapping[str, object]) -> list[FieldError]:
    """What is wrong with the fields of a clip: as `check` finds it, and much faster if it is nothing."""
    if "prompt" in values and all([_is_right(name, value) for name, value in values.items()]):  # noqa: C419
        return []
    clip, errors = check(ClipFields, values)
    if clip is not None:
        for name, value in values.items():
            known = _right[name]
            if name not in _RULES and name not in ITEMS and len(known) < _MOST_RIGHT:
                known.add((type(value), tuple(value) if isinstance(value, list) else value))
    return errors


def _is_right(name: str, value: object) -> bool:
    rule = _RULES.get(name)
    if rule is None:
        try:
            return (type(value), tuple(value) if type(value) is list else value) in _right[name]
        except (KeyError, TypeError):  # no such field, or nothing that could be remembered
            return False
    try:
        return type(value) is str and rule(value) is value
    except ValueError:
        return False


def _plain(model: type[_Fields], error: Any) -> FieldError:
    kind, where, context = error["type"], error["loc"], error.get("ctx", {})
    field = str(where[0])
    at = next((at for at, part in enumerate(where) if isinstance(part, int)), None)
    item = None if at is None else where[at]
    inner = "" if at is None or at + 1 == len(where) else str(where[at + 1])
    if field in NUMBERS and where[-1] != ANY:  # else it is one number, for any of the names
        inner = str(where[-1])
    if kind in ("missing", "extra_forbidden"):
        return FieldError("missing" if kind == "missing" else "unknown", field, item, inner)
    if kind == "value_error":
        return FieldError("rule", field, item, inner, rule=str(context["error"]))
    wanted = _expected(model, field, item, inner) + _bound(kind, context)
    return FieldError("type", field, item, inner, expected=wanted)


def _expected(model: type[_Fields], field: str, item: int | None, inner: str) -> str:
    if field in NUMBERS and inner:
        return DOLLARS.expected
    if inner:
        return shape(ITEMS[field], inner).expected
    if item is not None:
        return "fields in a mapping" if field in ITEMS else "text"
    return shape(model, field).expected


def _bound(kind: str, context: Mapping[str, Any]) -> str:
    """`, at least 1`: the bound that was broken, if it was one."""
    if kind in ("too_long", "too_short"):
        count = context["max_length" if kind == "too_long" else "min_length"]
        return f" with at {'most' if kind == 'too_long' else 'least'} {count} item{'s' * (count != 1)}"
    if kind == "string_too_long" and context["max_length"] > 1:
        return f" of at most {context['max_length']} characters"
    says = {"ge": "at least", "gt": "above", "le": "at most"}
    return "".join(f", {word} {context[name]:,g}" for name, word in says.items() if name in context)
