"""What all settings have in common, of data, models and training."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

_ADDED = "added after version 0.1"


def added(default: Any, **constraints: Any) -> Any:
    """A field that earlier versions did not have; ``default`` is what they did.

    It is written only where it differs from ``default``. A run's id is a hash of what is written,
    so that runs which do not use the new setting keep the ids that earlier versions gave them.
    """
    return Field(default=default, json_schema_extra={_ADDED: True}, **constraints)


class Settings(BaseModel):
    """Base: misspelt keys and numbers that are not finite are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _without_unused_additions(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        unused = {
            name
            for name, field in type(self).model_fields.items()
            if isinstance(field.json_schema_extra, dict)
            and field.json_schema_extra.get(_ADDED)
            and getattr(self, name) == field.default
        }
        written: dict[str, Any] = write(self)
        return {name: value for name, value in written.items() if name not in unused}
