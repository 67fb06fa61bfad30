"""The head of a manifest and of its groups: everything but the jobs, in any order, before or behind them."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from functools import partial

from pipeline.manifest import fields
from pipeline.manifest.fields import (
    DefaultFields,
    GroupFields,
    HeadFields,
    LimitFields,
    ManifestFields,
    Model,
    PriceFields,
)
from pipeline.manifest.names import is_escaped
from pipeline.manifest.nodes import Broken, Mapping, Node, Scalar, Sequence, Start, place_of
from pipeline.manifest.nodes import found as found_at
from pipeline.manifest.prices import EXPECTED, own_price
from pipeline.manifest.problems import Problems
from pipeline.manifest.rules import brake_share
from pipeline.manifest.scalars import quoted
from pipeline.manifest.shapes import Defaults, Group, Head, Limits, Place
from pipeline.manifest.tree import HeadField
from pipeline.manifest.values import add_errors, plain_values
from pipeline.manifest.wording import unknown_field
from pipeline.money import Price, ticks_of

_NO_PRICE = f"expected {EXPECTED}"
_NO_MOST = 'on_unknown: resubmit may pay twice, so it needs "max_unknown_usd", the most that it may spend'
_NAMES = fields.names(ManifestFields)
_OF_GROUP = fields.names(GroupFields)


class HeadReader:
    """Takes the fields of the document but `jobs` and `groups`, and those of groups, in any order."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._mapping = Mapping({}, {}, Start())
        self._groups: dict[int, Node] = {}  # their defaults

    def so_far(self, file: str) -> Head:
        """The head as far as it is known, with nothing told."""
        scratch = HeadReader(Problems())
        scratch._mapping = Mapping(dict(self._mapping.fields), {}, Start())
        return scratch.finish(file)

    def group(self, number: int, head: Head) -> Group:
        """What is known of a group by now, with nothing told."""
        scratch = HeadReader(Problems())
        if number in self._groups:
            scratch._groups[number] = self._groups[number]
        return scratch._finished_groups(head.groups[None]).get(number, head.groups[None])

    def add(self, part: HeadField) -> None:
        self._problems.add_all(part.flaws)
        if part.group is not None:
            self._add_to_group(part, part.group)
        elif part.name not in _NAMES:  # not kept: a hostile file has a million of them
            self._problems.add(place_of(part.mark), partial(unknown_field, part.name, _NAMES))
        else:
            self._mapping.fields[part.name] = part.node

    def _add_to_group(self, part: HeadField, group: int) -> None:
        if part.name in _OF_GROUP:
            self._groups[group] = part.node
        else:
            message = partial(_in_group, group, part.name)
            self._problems.add(place_of(part.mark), message)

    def finish(self, file: str) -> Head:
        """What is wrong is reported and left out, so that the jobs can still be looked at."""
        defaults, default_places = self._section("defaults", DefaultFields)
        limits, limit_places = self._section("limits", LimitFields)
        prices, price_places = self._prices()
        head = self._checked(HeadFields, self._mapping, "") or HeadFields(version=1)
        own = {name: place_of(node.mark) for name, node in self._mapping.fields.items()}
        without = Group(defaults=_defaults(defaults), places=_without_prefix(default_places))
        return Head(
            version=1,
            batch=head.batch,
            provider=head.provider,
            defaults=without.defaults,
            groups={None: without, **self._finished_groups(without)},
            limits=_limits(limits),
            prices=prices,
            brake_share=None if head.brake is None else brake_share(head.brake),
            resubmit=self._resubmit(head),
            max_unknown_ticks=None if head.max_unknown_usd is None else ticks_of(head.max_unknown_usd),
            file=file,
            places={**own, **default_places, **limit_places, **price_places},
        )

    def _resubmit(self, head: HeadFields) -> bool:
        if head.on_unknown == "resubmit" and head.max_unknown_usd is None:
            mark = self._mapping.fields["on_unknown"].mark
            self._problems.add(place_of(mark), _NO_MOST)
        return head.on_unknown == "resubmit"

    def _prices(self) -> tuple[dict[str, Price], dict[str, Place]]:
        """The mapping of models to prices; each is told of at its own place."""
        node = self._mapping.fields.get("prices")
        if not isinstance(node, Mapping):
            return {}, {}
        self._mapping.fields["prices"] = Broken(node.mark)
        found, places = {}, {}
        for model, price in node.fields.items():
            places[f"prices.{model}"] = place_of(price.mark)
            if isinstance(price, Mapping):
                plain = self._checked(PriceFields, price, f"prices: {model}: ")
                found[model] = own_price(plain or PriceFields())
                if not price.fields:
                    self._problems.add(place_of(price.mark), f"prices: {model}: {_NO_PRICE}")
            elif not isinstance(price, Broken):
                self._problems.add(
                    place_of(price.mark), f"prices: {model}: {_NO_PRICE}, got {found_at(price)}"
                )
        return found, places

    def _finished_groups(self, without: Group) -> dict[int | None, Group]:
        """Each group that has defaults of its own; what is wrong with them is told."""
        found: dict[int | None, Group] = {}
        for number, node in self._groups.items():
            self._mapping.fields["defaults"] = node
            own, places = self._section("defaults", DefaultFields)
            if not isinstance(node, Mapping | Broken) and not (isinstance(node, Scalar) and node.is_null):
                message = f"defaults: expected a mapping of fields, got {found_at(node)}"
                self._problems.add(place_of(node.mark), message)
            defaults = _merged(_defaults(own), without.defaults)
            found[number] = Group(defaults=defaults, places={**without.places, **_without_prefix(places)})
        return found

    def _section(self, name: str, model: type[Model]) -> tuple[Model, dict[str, Place]]:
        """A mapping in the head. Nothing at all, as when every line of it is a comment, is fine."""
        node = self._mapping.fields.get(name)
        if isinstance(node, Scalar) and node.is_null:
            del self._mapping.fields[name]
        if not isinstance(node, Mapping):
            return model(), {}
        self._mapping.fields[name] = Broken(node.mark)  # told here; the head has nothing to add
        if name == "defaults":
            node = self._without_names(node)
        places = {f"{name}.{field}": place_of(value.mark) for field, value in node.fields.items()}
        return self._checked(model, node, f"{name}: ") or model(), places

    def _without_names(self, defaults: Mapping) -> Mapping:
        """What is put behind the fields of many jobs is the same for all of them."""
        fields = dict(defaults.fields)
        for name, node in defaults.fields.items():
            for one in node.items if isinstance(node, Sequence) else [node]:
                if isinstance(one, Scalar) and "${" in one.text:
                    why = f"{quoted(one.text)} holds a name, and names are filled in jobs only"
                    if is_escaped(one.text):
                        why = '"${" cannot stand in defaults, not even as "$${"'
                    message = f'defaults: {name}: {why}; set "{name}" on the jobs'
                    self._problems.add(place_of(one.mark), message)
                    fields[name] = Broken(node.mark)
        return Mapping(fields, defaults.names, defaults.mark)

    def _checked(self, model: type[Model], mapping: Mapping, label: str) -> Model | None:
        """The model without its wrong fields; None if that is not enough to make one."""
        values = plain_values(mapping, fields.text_fields(model))
        checked, errors = fields.check(model, values)
        add_errors(self._problems, errors, mapping, fields.names(model), label)
        wrong = {error.field for error in errors}
        if wrong:
            rest = {name: value for name, value in values.items() if name not in wrong}
            checked, _ = fields.check(model, {"version": 1, **rest} if model is HeadFields else rest)
        return checked


def _in_group(group: int, name: str) -> str:
    return f"group {group + 1}: {unknown_field(name, _OF_GROUP)}"


def _without_prefix(places: dict[str, Place]) -> dict[str, Place]:
    return {name.partition(".")[2]: place for name, place in places.items()}


def _merged(own: Defaults, behind: Defaults) -> Defaults:
    """What the group sets goes before what the manifest sets."""
    names = [each.name for each in dataclass_fields(Defaults)]
    return Defaults(
        **{name: getattr(behind if getattr(own, name) in (None, ()) else own, name) for name in names}
    )


def _defaults(found: DefaultFields) -> Defaults:
    return Defaults(
        model=found.model,
        duration_s=found.duration,
        aspect_ratio=found.aspect_ratio,
        resolution=found.resolution,
        generate_audio=found.generate_audio,
        resize=found.resize,
        allow=tuple(found.allow or ()),
        tags=tuple(found.tags or ()),
        user=found.user,
        priority=found.priority,
    )


def _limits(found: LimitFields) -> Limits:
    return Limits(
        max_in_flight=found.max_in_flight,
        downloads=found.downloads,
        submit_per_s=found.submit_per_s,
        poll_per_s=found.poll_per_s,
        poll_min_s=found.poll_min_s,
        share=found.share,
        job_deadline_s=found.job_deadline,
        budget_ticks=None if found.budget_usd is None else ticks_of(found.budget_usd),
        month_ticks=None if found.month_usd is None else ticks_of(found.month_usd),
    )
